"""From a log of impressions to prepared samples; nothing here needs torch."""
