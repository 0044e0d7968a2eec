"""What an interval of a difference decides, in one word."""


def judge(value: float, low: float, high: float, least: float) -> str:
    """``higher``, ``lower``, ``equal`` (within ``least``, the smallest difference of interest) or ``undecided``."""
    if low > 0 and value >= least:
        return "higher"
    if high < 0 and -value >= least:
        return "lower"
    if max(-low, high) < least:
        return "equal"
    return "undecided"
