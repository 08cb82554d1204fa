from orchestrator.commands.in_rows import in_rows


def test_items_go_to_a_next_line_where_a_line_is_full():
    items = [f"metric_{n} {n}0.00 %" for n in range(9)]
    rows = in_rows("  on test: ", items)
    assert len(rows) == 2 and max(map(len, rows)) <= 100
    assert [item for row in rows for item in row.removeprefix("  on test: ").strip().split("  ")] == items
    assert rows[1].index("metric") == len("  on test: ")
    width = 100 - len("  on test: ")
    assert in_rows("  on test: ", ["x" * (width - 3), "y"]) == ["  on test: " + "x" * (width - 3) + "  y"]
    assert len(in_rows("  on test: ", ["x" * (width - 2), "y"])) == 2
    assert in_rows("  on test: ", ["x" * 200]) == ["  on test: " + "x" * 200]
