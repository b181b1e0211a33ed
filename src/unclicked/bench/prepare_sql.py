"""The rules of preparation as statements for DuckDB."""

from __future__ import annotations

# Gaps of ten minutes and cuts after 50 clicks make sessions; seven days before its first click are
# long-term; items shown twice or more and never clicked in the three days before it are unclicked.
DUCKDB_RULES = (
    """CREATE TEMP TABLE clicks AS
    SELECT user_id, item_id, timestamp AS moment FROM read_parquet('{log}')
    WHERE clicked AND timestamp < make_timestamp({end})""",
    """CREATE TEMP TABLE sessions AS
    WITH marked AS (
      SELECT user_id, item_id, moment,
        moment - lag(moment) OVER by_time >= INTERVAL 10 MINUTE AS far,
        count(*) OVER (
          PARTITION BY user_id ORDER BY moment
          RANGE BETWEEN INTERVAL 7 DAY PRECEDING AND CURRENT ROW) - 1 AS long
      FROM clicks WINDOW by_time AS (PARTITION BY user_id ORDER BY moment, item_id)
    ), runs AS (
      SELECT *, sum(CAST(coalesce(far, true) AS INTEGER)) OVER (
        PARTITION BY user_id ORDER BY moment, item_id ROWS UNBOUNDED PRECEDING) AS run
      FROM marked
    ), cut AS (
      SELECT *, (row_number() OVER (
        PARTITION BY user_id, run ORDER BY moment, item_id) - 1) // 50 AS part
      FROM runs
    )
    SELECT user_id, moment AS tau, long, count(*) OVER whole AS clicks,
      row_number() OVER (whole ORDER BY moment, item_id) AS place
    FROM cut WINDOW whole AS (PARTITION BY user_id, run, part)
    QUALIFY count(*) OVER whole >= 2""",
    """CREATE TEMP TABLE samples AS
    SELECT user_id, tau, clicks, long FROM sessions WHERE place = 1""",
    """CREATE TEMP TABLE lists AS
    WITH shown AS (
      SELECT s.user_id, s.tau, i.item_id,
        max(i.timestamp) FILTER (i.timestamp < s.tau) AS last
      FROM sessions s JOIN read_parquet('{log}') i
        ON i.user_id = s.user_id AND i.timestamp {until} s.tau
        AND i.timestamp >= s.tau - INTERVAL 3 DAY
      WHERE {which}
      GROUP BY s.user_id, s.tau, i.item_id
      HAVING count(*) FILTER (i.timestamp < s.tau) >= 2 AND NOT bool_or(i.clicked)
    )
    SELECT user_id, tau, list(item_id ORDER BY last, item_id)[-100:] AS items
    FROM shown GROUP BY user_id, tau""",
)
