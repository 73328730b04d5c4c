"""The demo's banner: three township stations and a centre, their people, places and troubles.

All names are invented for the demo; the towns lend theirs to the stations. Responsible for who and
what there is, as rows of the organisation. Refuses to know how rows are stored and what people do.

Ids follow from names, so that seeding twice changes nothing.

Example: `rows()` gives `("stations", id, {"name": "昂素派出所"})` and some hundred more.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from sync import ids

OrgRow = tuple[str, bytes, dict[str, Any]]


class Town(msgspec.Struct, frozen=True):
    """One station's town: where it lies (1e-7 degree, WGS-84) and the places calls come from."""

    station: str
    point: tuple[int, int]
    places: tuple[str, ...]
    tier: int  # minutes to arrival in the town itself; the pastures around it have 0, as soon as possible


TOWNS = (
    Town(
        "昂素派出所",
        (382_700_000, 1_078_700_000),
        ("昂素镇巴音大街", "昂素镇牲畜交易市场", "哈日根图嘎查", "马拉迪水库", "敖包图草场3号围栏"),
        5,
    ),
    Town(
        "城川派出所",
        (376_900_000, 1_083_000_000),
        ("城川镇古城路", "城川镇中心小学", "大沟湾村口", "黄海子湿地观景台", "糜地梁移民新村"),
        3,
    ),
    Town(
        "上海庙派出所",
        (382_600_000, 1_068_600_000),
        ("上海庙镇能源大道", "上海庙工业园二号门", "八一村文化广场", "布拉格收费站", "特布德嘎查"),
        3,
    ),
)
OCTAGON = ((5, -2), (5, 2), (2, 5), (-2, 5), (-5, 2), (-5, -2), (-2, -5), (2, -5))
TOWN_HALF = 70_000
"""A fifth of half a town, in 1e-7 degree: the built-up land is about 7 km across."""
DAY_MS = 86_400_000
CENTRE = "旗局指挥中心"
MOBILE = "旗局机动队"

GIVEN = (
    "巴特尔", "苏日娜", "额尔德木图", "娜仁", "朝鲁", "斯琴", "呼格吉勒", "乌云", "阿古拉", "萨仁",
    "刘志强", "张慧", "王海军", "李娜", "赵永胜", "陈雪", "高建国", "马晓东", "郭丽", "贺斌",
    "孟和", "其其格", "宝音", "图雅", "达来", "格日勒", "乌力吉", "塔娜", "铁木尔", "海日",
    "白文华", "许静", "杨帆", "杜伟", "冯源", "康敏", "韩磊", "曹颖", "任浩", "薛梅",
)  # fmt: skip
GUARDS = (("城川小学护学岗", 1, "道尔吉"), ("上海庙学校护学岗", 2, "石秀兰"))
HUMAN_OFFICER = "阿木尔"
HUMAN_UNIT = "昂素巡逻四组"
ADMIN = "管理员"
DESK_ROLES = (
    ("dispatcher", "娜日苏", None),
    ("commander", "那顺", None),
    ("station", "周建平", 0),
    ("callback", "吕芳", None),
    ("reviewer", "段宏", None),
    ("supervisor", "云志", None),
    ("admin", ADMIN, None),
)
PASSWORD = "steppe-relay"  # noqa: S105 - the demo prints it; it opens nothing else
SIMULATED_DISPATCHER = "值班员（模拟）"
SIMULATED_CALLBACK = "回访员（模拟）"
SIMULATED_REVIEWER = "审核员（模拟）"
SIMULATED_INSPECTOR = "督察（模拟）"

CATEGORIES = (
    ("dispute", "纠纷", "Dispute"),
    ("traffic", "交通", "Traffic"),
    ("theft", "盗窃", "Theft"),
    ("livestock", "走失牲畜", "Stray livestock"),
    ("help", "求助", "Help"),
    ("fire", "火情", "Fire"),
    ("injury", "伤人", "Injury"),
    ("noise", "扰民", "Noise"),
    ("fraud", "诈骗", "Fraud"),
    ("other", "其他", "Other"),
)
RESULTS = (
    ("mediated", "现场调解", "Settled on scene"),
    ("helped", "已帮助", "Helped"),
    ("filed", "立案", "Case filed"),
    ("transferred", "移交", "Handed over"),
    ("unfounded", "情况不实", "Unfounded"),
    ("other", "其他", "Other"),
)


class Trouble(msgspec.Struct, frozen=True):
    """One kind of call: category, title, what the caller says, what the officer notes, how it ends."""

    category: str
    title: str
    narrative: str
    note: str
    result: str
    level: int


TROUBLES = (
    Trouble("dispute", "草场围栏纠纷", "邻居把围栏往我家草场挪了二十多米，双方吵起来了。",
            "双方约定按确权图复测，嘎查长到场见证。", "mediated", 3),
    Trouble("livestock", "牛群上公路", "十几头牛上了公路，大车多，怕出事。",
            "牛群已赶下路基，联系上主人。", "helped", 2),
    Trouble("traffic", "两车追尾", "一辆皮卡追尾小轿车，没人受伤，占着一条道。",
            "无人受伤，已拍照，车辆移至路肩。", "transferred", 3),
    Trouble("help", "车辆陷在沙地", "带着老人孩子，车陷进沙窝子里出不来。",
            "已用拖车绳拖出，人员平安。", "helped", 2),
    Trouble("theft", "羊只被盗", "早上点羊少了六只，围栏被剪了一个口子。",
            "围栏剪口已拍照，周边车辙已提取。", "filed", 2),
    Trouble("help", "老人走失", "七十多岁的父亲出去放羊没回来，电话打不通。",
            "在水井房找到老人，已送回家。", "helped", 1),
    Trouble("noise", "夜间施工扰民", "隔壁工地半夜还在打桩，孩子睡不着。",
            "已告知负责人停工至早七点。", "mediated", 4),
    Trouble("fire", "草垛冒烟", "草料棚旁边的草垛在冒烟，风不小。",
            "明火已灭，消防看守余烬。", "transferred", 1),
    Trouble("injury", "酒后打架", "饭馆里两桌人打起来了，有人头破了。",
            "双方已分开，一人送卫生院包扎。", "filed", 1),
    Trouble("fraud", "冒充客服诈骗", "有人说是平台客服，让转了三千块钱。",
            "已协助止付，指导报案。", "filed", 3),
    Trouble("dispute", "拖欠工钱", "干了两个月活，老板拖着不给工钱。",
            "双方写下还款日期，已留底。", "mediated", 3),
    Trouble("help", "家中被困", "门锁坏了，孩子一个人在屋里。",
            "门已打开，孩子平安。", "helped", 2),
    Trouble("traffic", "货车侧翻", "拉煤的大车侧翻在弯道，司机被卡。",
            "司机已救出送医，交警到场。", "transferred", 1),
    Trouble("livestock", "骆驼进了院子", "一峰骆驼在院子里转，大家不敢靠近。",
            "骆驼已牵出，耳标登记，通知嘎查。", "helped", 4),
)  # fmt: skip
SELF_TROUBLES = (
    Trouble("traffic", "巡逻中发现抛锚车辆", "", "协助换胎，已离开。", "helped", 4),
    Trouble("livestock", "巡逻中发现羊群上路", "", "羊群已赶回草场。", "helped", 4),
    Trouble("dispute", "集市口角", "", "当场劝解，双方离开。", "mediated", 4),
)
CALLERS = (
    "赛音",
    "李先生",
    "其木格",
    "王女士",
    "哈斯",
    "高师傅",
    "敖登",
    "张老板",
    "苏和",
    "郝女士",
)


def id_of(what: str, name: str) -> bytes:
    """16 bytes that follow from a kind and a name."""
    return ids.tagged_hash("ortoo/demo/1", what.encode(), b"\x00", name.encode())[:16]


ADMIN_ID = id_of("people", ADMIN)


class Officer(msgspec.Struct, frozen=True):
    """Someone with a simulated phone. `home` is where they patrol, in 1e-7 degree."""

    name: str
    role: str
    unit: str
    station: str
    home: tuple[int, int]

    @property
    def id(self) -> bytes:
        """The person's id."""
        return id_of("people", self.name)


def officers() -> list[Officer]:
    """Forty officers and two school guards, in an order that never changes."""
    people = []
    names = iter(GIVEN)
    for town in TOWNS:
        short = town.station.removesuffix("派出所")
        for unit in ("巡逻一组", "巡逻二组", "快反组"):
            people += [
                Officer(next(names), "officer", short + unit, town.station, town.point)
                for _ in range(4)
            ]
    people += [Officer(name, "officer", MOBILE, CENTRE, TOWNS[0].point) for name in names]
    people += [
        Officer(name, "guard", post, TOWNS[town].station, TOWNS[town].point)
        for post, town, name in GUARDS
    ]
    return people


def plate_of(town: int) -> str:
    """The number plate of a town's patrol car, by the town's index."""
    return f"蒙K·A{town + 1}{town + 1}10警"


def vehicles_of(unit: str) -> list[bytes]:
    """Ids of the vehicles a unit drives."""
    return [
        id_of("vehicles", plate_of(number))
        for number, town in enumerate(TOWNS)
        if unit == f"{town.station.removesuffix('派出所')}快反组"
    ]


def rows() -> Iterator[OrgRow]:
    """The whole organisation, those named by others first."""
    stations = [town.station for town in TOWNS] + [CENTRE]
    for station in stations:
        yield "stations", id_of("stations", station), {"name": station}
    everyone = officers()
    units = dict.fromkeys((one.unit, one.station) for one in everyone)
    units[HUMAN_UNIT, TOWNS[0].station] = None
    for unit, station in units:
        yield (
            "units",
            id_of("units", unit),
            {"name": unit, "station": id_of("stations", station)},
        )
    for one in everyone:
        yield "people", one.id, _person(one.name, one.role, one.station, one.unit)
    yield (
        "people",
        id_of("people", HUMAN_OFFICER),
        _person(HUMAN_OFFICER, "officer", TOWNS[0].station, HUMAN_UNIT),
    )
    for role, name, town_index in DESK_ROLES:
        station = CENTRE if town_index is None else TOWNS[town_index].station
        yield "people", id_of("people", name), _person(name, role, station, None)
    for name, role in (
        (SIMULATED_DISPATCHER, "dispatcher"),
        (SIMULATED_CALLBACK, "callback"),
        (SIMULATED_REVIEWER, "reviewer"),
        (SIMULATED_INSPECTOR, "supervisor"),
    ):
        yield "people", id_of("people", name), _person(name, role, CENTRE, None)
    yield from _things()


def _person(name: str, role: str, station: str, unit: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "role": role, "station": id_of("stations", station)}
    return row if unit is None else row | {"unit": id_of("units", unit)}


def _policies() -> Iterator[OrgRow]:
    """What this banner decided for itself: for everything, for the longest way, and for an emergency."""
    told: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (
            "旗局常规",
            "紧急类警情反馈从严；回访分两个时段各打一次；国庆、调休按公布的日历",
            {
                "first_feedback_by_category": {"fire": 900_000, "injury": 900_000},
                "final_feedback_by_category": {"theft": 3 * DAY_MS, "fraud": 3 * DAY_MS},
                "turnout_within_ms": 300_000,
                "callback_tries": 2,
                "callback_times_of_day": [420, 600, 780, 960, 1140],
                "rest_days": ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"],
                "work_days": ["2026-10-10"],
            },
        ),
        (
            "应急模式",
            "签收与反馈收紧，首告即催",
            {
                "mode": "emergency",
                "sign_within_ms": 20_000,
                "first_feedback_within_ms": 900_000,
            },
        ),
    )
    for name, note, limits in told:
        head = {"name": name, "note": note, "from_ms": 0, "by": ADMIN_ID}
        yield "policies", id_of("policies", name), head | limits


def _things() -> Iterator[OrgRow]:
    for number, town in enumerate(TOWNS):
        short = town.station.removesuffix("派出所")
        station = id_of("stations", town.station)
        plate = plate_of(number)
        unit = id_of("units", f"{short}快反组")
        yield (
            "vehicles",
            id_of("vehicles", plate),
            {"name": plate, "unit": unit, "station": station},
        )
        lat, lon = town.point
        ring = [[lat + north * TOWN_HALF, lon + east * TOWN_HALF] for north, east in OCTAGON]
        for name, land in (
            (f"{short}镇区", {"tier": town.tier, "polygon": ring}),
            (f"{short}牧区", {"tier": 0}),
        ):
            yield (
                "zones",
                id_of("zones", name),
                {"name": name, "station": station, "note": "", "by": ADMIN_ID, **land},
            )
    yield from _policies()
    for what, codes in (("categories", CATEGORIES), ("results", RESULTS)):
        for code, zh, en in codes:
            yield what, id_of(what, code), {"code": code, "zh": zh, "en": en}
