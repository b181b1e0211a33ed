"""What a user must know of each public log before downloading it: files, publisher, licence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from unclicked.sources import alidisplay, contentwise, ebnerd, finn, mind, tencentgr, zhihurec
from unclicked.sources.kuairand_notes import LICENCE
from unclicked.sources.kuairand_tables import LABELS


@dataclass(frozen=True)
class PublicLog:
    """One public log.

    Args:
        title: What it holds.
        publisher: Who published it, and where.
        files: Files that the folder must hold, at most three folders down.
        labels: What may count as a click, the names that `--label` takes; the first without it.
        clicked: The same in words.
        licence: Name of its licence.
    """

    title: str
    publisher: str
    files: str
    labels: tuple[str, ...]
    clicked: str
    licence: str


PUBLIC_LOGS: Final[dict[str, PublicLog]] = {
    "kuairand": PublicLog(
        "KuaiRand: short videos, as Pure, 1K or 27K",
        "University of Science and Technology of China and Kuaishou, kuairand.com",
        "log_standard_*.csv, video_features_basic_*.csv and user_features_*.csv of one release; "
        "for Pure also its history, user_sequences.parquet, alone or beside them",
        LABELS,
        "is_click; long_view where the history is read, which has no other",
        LICENCE,
    ),
    "mind": PublicLog(
        "MIND: news, small or large",
        "Microsoft, msnews.github.io",
        "behaviors.tsv and news.tsv in folders whose names end with train, dev or valid",
        ("click",),
        "the user opened the article",
        mind.ORIGIN.licence,
    ),
    "ebnerd": PublicLog(
        "EB-NeRD: news, demo, small or large",
        "Ekstra Bladet and JP/Politikens Media Group, recsys.eb.dk",
        "behaviors.parquet and history.parquet in folders train and validation, and "
        "articles.parquet beside these",
        ("click",),
        "the user opened the article",
        ebnerd.ORIGIN.licence,
    ),
    "finn": PublicLog(
        "FINN.no slates: a marketplace",
        "FINN.no, github.com/finn-no/recsys_slates_dataset",
        "data.npz and itemattr.npz; names of the categories from ind2val.json where it is there",
        ("click",),
        "the user opened the advertisement",
        finn.ORIGIN.licence,
    ),
    "contentwise": PublicLog(
        "ContentWise Impressions: films and television, CW10M",
        "ContentWise, github.com/ContentWise/contentwise-impressions",
        "interactions and impressions-direct-link, files or folders of CSV, plain or .gz, or "
        "Parquet",
        tuple(contentwise.LABELS),
        "any interaction, or only those named: view, details, purchase",
        contentwise.ORIGIN.licence,
    ),
    "alidisplay": PublicLog(
        "Ad Display/Click Data on Taobao.com: advertisements",
        "Alibaba, as data set 56 of Tianchi, tianchi.aliyun.com/dataset/56",
        "raw_sample.csv, ad_feature.csv and user_profile.csv",
        ("clk",),
        "the user clicked the advertisement",
        alidisplay.ORIGIN.licence,
    ),
    "tencentgr": PublicLog(
        "TencentGR: advertisements, 1M or 10M",
        "Tencent, for its Advertising Algorithm Challenge 2025, algo.qq.com",
        "seq.jsonl and item_feat_dict.json; or, as republished, folders seq, user_feat and "
        "item_feat of Parquet files",
        ("click",),
        "the user clicked the advertisement, or bought after it",
        tencentgr.ORIGIN.licence,
    ),
    "zhihurec": PublicLog(
        "ZhihuRec: answers to questions",
        "Tsinghua University and Zhihu, github.com/THUIR/ZhihuRec-Dataset",
        "inter_impression.csv, info_answer.csv and info_user.csv, each packed as .gz or not",
        ("click",),
        "the user opened the answer",
        zhihurec.ORIGIN.licence,
    ),
}
