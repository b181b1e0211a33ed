"""The paper's tables and figures, and the experiments beside them, made anew on any data set."""
