"""What a generation shows, and when it ends."""

from reviewer.engine.writer import Writer


def test_writer_stops_on_bytes_and_never_shows_half_a_character() -> None:
    writer = Writer(["。停"], 100)
    shown = ""
    for byte in "好的。停后面".encode():
        shown += writer.add(bytes([byte]), last=False)
        if writer.ended:
            break
    assert shown == "好的"
    assert writer.generation().text == "好的"
    assert writer.generation().ended == "stop"


def test_writer_releases_what_only_looked_like_a_stop() -> None:
    writer = Writer(["。停"], 100)
    shown = "".join(writer.add(bytes([byte]), last=False) for byte in "好。的".encode())
    assert shown == "好。的"


def test_writer_ends_at_its_length() -> None:
    writer = Writer([], 2)
    writer.add(b"a", last=False)
    writer.add(b"b", last=False)
    assert writer.generation().ended == "length"


def test_the_end_of_a_turn_is_not_a_stop() -> None:
    writer = Writer(["。"], 9)
    writer.add("好".encode(), last=False)
    writer.add(b"", last=True)
    assert writer.generation().ended == "end"
