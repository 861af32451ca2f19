"""Sections into norms: parts, class, price, situation, wordings."""

import pytest

from reviewer.ingestion.cues import class_of, demands_and_bans, severity_of, situation_of, stages_of
from reviewer.ingestion.limits import Limits
from reviewer.ingestion.norms import Norm, norms_of
from reviewer.ingestion.outline import sections_of
from reviewer.ingestion.readers.registry import read_document
from reviewer.ingestion.units import units_of
from tests.ingestion.documents import TEXT, make_docx, make_xlsx


def norms(data: str | bytes, name: str = "a.txt") -> list[Norm]:
    raw = data.encode() if isinstance(data, str) else data
    document = read_document(raw, name, Limits())
    found = sections_of(units_of(document.text, document.blocks))
    return [norm for section in found for norm in norms_of(document.text, section)]


def one(data: str | bytes, name: str = "a.txt") -> Norm:
    found = norms(data, name)
    assert len(found) == 1, found
    return found[0]


def test_a_listed_norm_has_demand_ban_and_wordings() -> None:
    norm = one("守则\n一、用语\n1、不得说“没空”，应当说“请您稍坐，马上有人接待您”。\n")
    assert (norm.require, norm.avoid) == ("应当说“请您稍坐，马上有人接待您”", "不得说“没空”")
    assert norm.approved == ("请您稍坐，马上有人接待您",)
    assert norm.forbidden == ("没空",)
    assert norm.kind == "checkable"
    assert {"class", "require", "severity"} <= set(norm.guessed)


def test_marks_are_structure_not_guesses() -> None:
    norm = one("问答\n客人要找店长时：\n√ 店员：“请您稍坐，我去请店长过来。”\n× “店长没空！”\n")
    assert (norm.when, norm.title) == ("客人要找店长时", "客人要找店长时")
    assert norm.approved == ("请您稍坐，我去请店长过来。",)
    assert norm.forbidden == ("店长没空！",)
    assert norm.kind == "checkable"
    assert not {"class", "when", "require", "avoid"} & set(norm.guessed)


def test_a_condition_after_a_right_mark_begins_a_norm_of_its_own() -> None:
    found = norms(
        "问答\n客人找其他店员时：\n√ “您好，我来为您服务。”\n"
        "√ 如客人坚持要等，应当请客人留下电话。\n× “他不在。”\n"
    )
    assert [norm.when for norm in found] == ["客人找其他店员时", "如客人坚持要等"]
    assert found[1].forbidden == ("他不在。",)


def test_a_table_says_what_its_columns_say() -> None:
    rows: list[list[object]] = [
        ["场景", "推荐话术", "禁用话术", "要求", "扣分"],
        ["缺货", "“抱歉，暂时缺货。”", "没货", "先致歉再说明。", 5],
    ]
    norm = one(make_xlsx(rows), "a.xlsx")
    assert (norm.when, norm.require, norm.points, norm.severity) == ("缺货", "先致歉再说明。", 5, "minor")
    assert norm.approved == ("抱歉，暂时缺货。",)
    assert norm.forbidden == ("没货",)
    assert norm.title == "话术：缺货"
    assert norms(make_docx(), "a.docx")[1].forbidden == ("急什么，排队！",)


def test_fields_below_a_norm_belong_to_it() -> None:
    norm = one(
        "# 守则\n\n## 久等致歉\n\n客人久等的，先致歉再说明原因。\n\n"
        "- 适用场景：客人等候超过十分钟\n- 级别：重要（扣 10 分）\n"
        "- 推荐话术：“让您久等了，非常抱歉。”\n- 禁用话术：“急什么，排队！”\n\n致歉是态度，不是认错。\n",
        "a.md",
    )
    assert (norm.title, norm.when) == ("久等致歉", "客人等候超过十分钟")
    assert norm.require == "客人久等的，先致歉再说明原因"
    assert (norm.severity, norm.points) == ("major", 10)
    assert norm.approved == ("让您久等了，非常抱歉。",)
    assert norm.forbidden == ("急什么，排队！",)
    assert "severity" not in norm.guessed


def test_lists_of_wordings_are_one_norm_by_their_heading() -> None:
    good, bad = norms(
        "守则\n一、问候语\n1、“您好，欢迎光临！”\n2、“请问您几位？”\n二、服务禁语\n1、“没看见我忙吗？”\n"
    )
    assert good.approved == ("您好，欢迎光临！", "请问您几位？")
    assert bad.forbidden == ("没看见我忙吗？",)
    assert bad.approved == ()
    # In one order: another process must write the same record.
    assert good.guessed == ("title", "when", "require", "avoid", "stages", "severity")


def test_a_price_is_taken_from_the_text() -> None:
    norm = one("条例\n一、扣分\n1、当面顶撞客人的，发现一次，扣基准分20分；\n")
    assert (norm.points, norm.severity) == (20, "major")
    assert norm.avoid == "当面顶撞客人的"
    assert "severity" not in norm.guessed


def test_sentences_with_demands_of_their_own_are_norms_of_their_own() -> None:
    found = norms("守则\n一、用语\n1、称呼客人应当用敬语。回答客人的问题必须使用普通词语，例如不说行话。\n")
    assert [norm.title for norm in found] == [
        "称呼客人应当用敬语",
        "回答客人的问题必须使用普通词语，例如不说行话",
    ]


def test_stories_purposes_and_titles_are_no_norms() -> None:
    assert norms("案例分析手册\n案例再现：\n某日，一位客人进门就喊：“凭什么不给退？”店员说不知道。\n") == []
    purpose = "餐饮行业近年来发展很快，门店的形象和口碑关系到公司的长远发展，也关系到每一位同事的收入水平，"
    told = "同行之间的竞争越来越激烈，大家有目共睹，也都深有体会，这里就不再一一展开叙述了，希望各位理解。"
    assert norms(f"守则\n{purpose}{told}\n") == []


def test_a_section_that_does_not_judge_holds_background_only() -> None:
    found = norms("守则\n一、说话\n1、应当用敬语称呼客人。\n2、以上各条不作为考核依据。\n")
    assert {norm.kind for norm in found} == {"background"}


@pytest.mark.parametrize(
    ("text", "heading", "kind"),
    [
        ("不得顶撞客人，应当耐心解释", "", "checkable"),
        ("不得泄露客人的个人信息", "", "checkable"),
        ("答复客人不得超过规定的时限", "", "checkable"),
        ("應當耐心解釋，不得頂撞顧客", "", "checkable"),
        ("接起电话后，应当先问候客人", "", "checkable"),
        ("接到留言的，2小时内答复客人", "", "checkable"),
        ("预约改期要提醒客人带证件，以提高到店率", "", "checkable"),
        ("“请”字打头，“谢”字收尾", "", "checkable"),
        ("应当用敬语称呼客人，不得直呼其名", "案例点评", "checkable"),
        ("上班必须穿制服", "", "conduct"),
        ("站立时双手自然下垂", "站姿", "conduct"),
        ("保持整洁大方", "仪容仪表", "conduct"),
        ("接待每位客人都要热情、真诚", "", "conduct"),
        ("等客人先挂断电话", "", "conduct"),
        ("客人讲述病情，应当专注倾听，不要打断", "", "conduct"),
        ("每周对投诉进行汇总并上报", "", "process"),
        ("公司应定期对员工进行培训", "", "process"),
        ("认真填写交接班记录", "", "process"),
        ("用餐后应回访客人是否满意", "", "process"),
        ("尽量缩短应答时间", "", "process"),
        ("答复时限：普通预约不超过20分钟", "", "process"),
        ("不得发生客人因用餐环境引起的投诉", "", "process"),
        ("具有良好的职业道德和团队意识", "", "background"),
        ("本守则适用于全体店员", "总则", "background"),
        ("礼貌用语是餐饮服务的重要一环", "", "background"),
        ("店员应熟练掌握回答点餐问题的技巧", "", "background"),
        ("店员耐心的解释打动了客人，我们都应从中受益", "案例点评", "background"),
    ],
)
def test_classes_follow_what_a_norm_is_about(text: str, heading: str, kind: str) -> None:
    assert class_of(text, heading, scripts=False) == kind


def test_a_comment_counts_when_it_begins_with_a_demand() -> None:
    argued = "客人等得久，心里有火，店员解释得再多也无济于事"
    assert class_of(f"耐心要放在前面：{argued}", "案例点评", scripts=False) == "checkable"
    assert class_of(f"耐心最打动人：{argued}", "案例点评", scripts=False) == "background"


def test_words_to_say_make_a_norm_checkable_whatever_else_it_names() -> None:
    assert class_of("面带微笑说“您好，欢迎光临”", "仪容", scripts=True) == "checkable"


def test_severity_situation_and_stage_are_read_from_the_words() -> None:
    assert severity_of("收受红包的，一票否决") == ("red", None, True)
    assert severity_of("每次扣3分") == ("minor", 3, True)
    assert severity_of("严禁争吵") == ("major", None, False)
    assert severity_of("注意语气") == ("minor", None, False)
    assert situation_of("遇到客人投诉时，应当先致歉", "用语") == "遇到客人投诉时"
    assert situation_of("应当致歉", "客人久等时") == "客人久等时"
    assert situation_of("应当致歉", "服务用语") == "any"
    assert stages_of("电话接通后先问候") == ("opening",)
    assert stages_of("结束语要致谢") == ("closing",)
    assert stages_of("应当用敬语") == ("opening", "middle", "closing")


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("换菜完成后，主动问客人是否满意", "换菜完成后"),
        ("店员应在客人离店后及时致电问候", "在客人离店后"),
        ("店员在客人点错菜时，应先安抚", "在客人点错菜时"),
        ("转交投诉时应说明原因", "转交投诉时"),
        ("客人坚持退菜的，应请店长出面", "客人坚持退菜的"),
        ("在收银时应使用敬语，称呼要得体", "在收银时"),
        ("如客人要找店长，可请其稍等", "如客人要找店长"),
    ],
)
def test_a_circumstance_before_the_demand_is_when(text: str, when: str) -> None:
    norm = one(f"守则\n一、用语\n1、{text}。\n")
    assert norm.when == when
    assert "when" in norm.guessed


@pytest.mark.parametrize(
    "text",
    [
        "应当用敬语，遇客人投诉时应先致歉",
        "应及时，随时应答客人",
        "然后，应请客人稍等",
        "接待客人时一律使用敬语",
        "店员在接听电话时，应先问好",
        "任何客人离店后，都应致谢",
        "应在24小时后回复客人",
        "当面顶撞客人的，扣5分",
        "对客人在用餐过程中，遇到的困难应予协助",
        "在门店内设置意见箱，应方便客人投诉",
        "客人满意的，是我们的追求",
    ],
)
def test_what_is_always_so_or_governs_a_part_is_no_situation(text: str) -> None:
    assert situation_of(text, "") == "any"


@pytest.mark.parametrize(
    ("text", "require", "avoid"),
    [
        ("不要催促，应耐心倾听", "应耐心倾听", "不要催促"),
        ("不要催促，耐心听客人说完", "耐心听客人说完", "不要催促"),
        ("不得争辩。同时记下客人的要求", "同时记下客人的要求", "不得争辩"),
        ("不得推诿，如客人坚持，应请店长出面", "如客人坚持，应请店长出面", "不得推诿"),
        ("应先致歉，如客人不满，不得争辩", "应先致歉", "如客人不满，不得争辩"),
        ("应致歉。即使不能退菜，也应安抚", "应致歉。即使不能退菜，也应安抚", ""),
        ("不争辩，必要时请店长出面", "必要时请店长出面", "不争辩"),
        ("不得催促客人，推诿客人", "", "不得催促客人，推诿客人"),
        ("营业至晚上九点，不包括节假日", "营业至晚上九点，不包括节假日", ""),
    ],
)
def test_what_to_do_does_not_stand_under_what_to_avoid(text: str, require: str, avoid: str) -> None:
    assert demands_and_bans(text) == (require, avoid)


def test_a_ban_whatever_the_circumstances_is_demanded_whole() -> None:
    norm = one("守则\n一、用语\n1、无论遇到什么情况，都不能对客人发火。\n")
    assert norm.require == "无论遇到什么情况，都不能对客人发火。"
    assert norm.avoid == "都不能对客人发火"


def test_of_what_is_priced_a_thing_done_well_is_demanded() -> None:
    norm = one("条例\n一、扣分\n1、准确介绍菜品，因介绍有误引起客人争议，发现一次，扣基准分5分；\n")
    assert (norm.require, norm.avoid) == ("准确介绍菜品", "因介绍有误引起客人争议")


def test_no_rule_of_dress_is_checkable() -> None:
    assert {norm.kind for norm in norms(TEXT) if "制服" in norm.require} == {"conduct"}


@pytest.mark.parametrize(
    "text",
    [
        "第五条 店员不得有下列行为：\n（一）催促客人买单；\n（二）主动打断客人说话。\n",
        "一、禁止行为\n1、催促客人买单\n2、主动打断客人说话\n二、礼貌\n",
    ],
)
def test_items_below_a_ban_are_forbidden(text: str) -> None:
    found = [norm for norm in norms("守则\n" + text) if norm.avoid]
    assert [norm.avoid for norm in found] == ["催促客人买单", "主动打断客人说话"]
    assert all("不得" in norm.require or "禁止" in norm.require for norm in found)
    assert all(norm.title.startswith("不得：") for norm in found)


def test_items_after_a_ban_in_one_line_are_forbidden() -> None:
    (norm,) = norms("守则\n一、礼貌\n1、店员不得有下列行为：（一）推诿客人；（二）应当告知而不告知客人。\n")
    assert norm.require.startswith("店员不得有下列行为：")
    assert norm.avoid == "（一）推诿客人；（二）应当告知而不告知客人"


def test_items_below_a_demand_are_demanded() -> None:
    found = norms("守则\n第六条 应当做到下列各项：\n（一）耐心听完客人的话；\n（二）不得插话。\n")
    assert [(norm.require, norm.avoid) for norm in found] == [
        ("应当做到下列各项：耐心听完客人的话", ""),
        ("不得插话。", "不得插话"),
    ]


@pytest.mark.parametrize(
    ("table", "approved", "forbidden"),
    [
        ("说法,能否使用\n我哪知道,×\n", (), ("我哪知道",)),
        ("说法,能否使用\n请您稍候,√\n", ("请您稍候",), ()),
        ("话术,是否禁止\n我哪知道,是\n", (), ("我哪知道",)),
        ("话术,电话\n请您稍候,×\n", (), ()),
        ("错误代码,回复\nE7,请您重启\n", ("请您重启",), ()),
        ("×,我哪知道\n√,请您稍候。\n", (), ("我哪知道",)),
    ],
)
def test_a_yes_or_a_no_says_what_a_wording_is(
    table: str, approved: tuple[str, ...], forbidden: tuple[str, ...]
) -> None:
    norm = norms(table, "a.csv")[0]
    assert (norm.approved, norm.forbidden) == (approved, forbidden)
    assert not {"√", "×", "是"} & {norm.require, norm.avoid, norm.when, norm.title}


def test_questions_and_answers_are_wordings() -> None:
    first, second = norms(
        "守则\n一、问答\n客户问：怎么退货？\n客服答：请您带上小票来店里。\n"
        "客户问：几点关门？\n标准回答：您好，晚上十点。\n禁止说：自己看。\n"
    )
    assert (first.when, first.approved) == ("怎么退货？", ("请您带上小票来店里。",))
    assert (second.approved, second.forbidden) == (("您好，晚上十点。",), ("自己看。",))


def test_bare_items_under_one_heading_are_norms() -> None:
    assert [norm.require for norm in norms("# 守则\n\n- 称呼客人用敬语\n\n1. 语气平和\n", "a.md")] == [
        "称呼客人用敬语",
        "语气平和",
    ]
