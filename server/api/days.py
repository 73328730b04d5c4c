"""Days as the banner counts them: Asia/Shanghai, eight hours ahead of UTC all year. Pure arithmetic.

>>> day_start_ms(1_773_297_068_000), spoken(1_773_297_068_000, 1_773_300_000_000)
(1773244800000, '今天 14 时 31 分')
"""

from datetime import UTC, datetime, timedelta
from typing import Final

DAY_MS: Final = 86_400_000
OFFSET_MS: Final = 8 * 3_600_000


def day_start_ms(now_ms: int) -> int:
    """The midnight before a moment, in milliseconds UTC."""
    return (now_ms + OFFSET_MS) // DAY_MS * DAY_MS - OFFSET_MS


def spoken(at_ms: int, now_ms: int) -> str:
    """A moment as one says it on the telephone, in Chinese."""
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms + OFFSET_MS)
    days_ago = (day_start_ms(now_ms) - day_start_ms(at_ms)) // DAY_MS
    near = {0: "今天", 1: "昨天"}
    day = near.get(days_ago, f"{local.month} 月 {local.day} 日")
    return f"{day} {local.hour} 时 {local.minute} 分"
