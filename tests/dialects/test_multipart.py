"""Forms as the dialects read them: exactly, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generations import multipart
from generations.errors import Problem
from generations.multipart import File, parse
from generations.spec import Kind
from tests.dialects.evolink_caller import part

TYPE = "multipart/form-data; boundary=x"
END = b"--x--\r\n"


def refused(content_type: str, body: bytes, **limits: int) -> Problem:
    with pytest.raises(Problem) as caught:
        parse(content_type, body, **limits)
    return caught.value


def one_part(head: str, data: bytes = b"data") -> bytes:
    return b"--x\r\n" + head.encode("latin-1") + b"\r\n\r\n" + data + b"\r\n" + END


NAMED = 'Content-Disposition: form-data; name="file"'


def test_fields_and_files_keep_their_order_and_their_bytes() -> None:
    data = b"\r\n--\r\n--y\x00\xff\r\n"
    body = b"".join(
        [
            part("prompt", "Ein B\u00e4r\r\n".encode()),
            part("image[]", data, filename="a.png", mime="image/PNG; q=1"),
            part("prompt", b""),
            part("image[]", b"", filename="", mime="application/octet-stream"),
        ]
    )
    form = parse(TYPE, body + END)
    assert form.fields == [("prompt", "Ein B\u00e4r\r\n"), ("prompt", "")]
    assert form.files == [
        File("image[]", "a.png", "image/png", data),
        File("image[]", "", "application/octet-stream", b""),
    ]


def test_an_empty_form_has_nothing() -> None:
    assert parse(TYPE, END) == multipart.Form()


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/form-data; boundary="x"',
        "Multipart/Form-Data;boundary=x",
        "multipart/form-data; charset=utf-8; boundary=x;",
    ],
)  # fmt: skip
def test_the_boundary_may_be_quoted_and_not_alone(content_type: str) -> None:
    assert parse(content_type, part("a", b"1") + END).fields == [("a", "1")]


@pytest.mark.parametrize("boundary", ["a" * 70, "----WebKitFormBoundary7MA4YWxkTrZu0gW", "a'()+_,-./:=?b"])
def test_every_boundary_of_the_standard_is_known(boundary: str) -> None:
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--{boundary}--'.encode()
    assert parse(f'multipart/form-data; boundary="{boundary}"', body).fields == [("a", "1")]


@pytest.mark.parametrize("before, after", [(b"\r\n", b""), (b"", b"\r\n\r\n"), (b"", b"  ")])
def test_line_breaks_around_the_form_do_no_harm(before: bytes, after: bytes) -> None:
    assert parse(TYPE, before + part("a", b"1") + b"--x--" + after).fields == [("a", "1")]


@pytest.mark.parametrize(
    "parameters, filename",
    [
        ('filename="a.png"', "a.png"),
        ("filename=a.png", "a.png"),
        ('filename="C:\\dir\\a.png"', "a.png"),
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="a\\"b.png"', 'a"b.png'),
        ('filename="a%22b%0D%0A.png"', 'a"b.png'),
        ("filename*=UTF-8''K%C3%A4tze.png", "K\u00e4tze.png"),
        ("filename=\"b.png\"; filename*=utf-8'en'a.png", "a.png"),
        ("filename=\"b.png\"; filename*=iso-8859-1''a.png", "b.png"),
        (f'filename="{"x" * 300}"', "x" * 200),
        ('filename="a\tb.png"', "ab.png"),
    ],
)  # fmt: skip
def test_a_files_name_is_its_last_segment(parameters: str, filename: str) -> None:
    (file,) = parse(TYPE, one_part(f"{NAMED}; {parameters}")).files
    assert file == File("file", filename, "", b"data")


@pytest.mark.parametrize(
    "mime, is_file", [("text/plain", False), ("application/json", False), ("image/png", True), ("x/y", True)]
)
def test_a_part_without_a_file_name_is_judged_by_its_type(mime: str, is_file: bool) -> None:
    form = parse(TYPE, one_part(f"{NAMED}\r\nContent-Type: {mime}"))
    assert (len(form.files), len(form.fields)) == (int(is_file), int(not is_file))


# ---- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "multipart/mixed; boundary=x", "text/plain"]
)
def test_another_type_is_unsupported(content_type: str) -> None:
    assert refused(content_type, END).kind is Kind.UNSUPPORTED_MEDIA


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        'multipart/form-data; boundary="x',
        'multipart/form-data; boundary="x "',
        "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary=x\u00e4",
        "multipart/form-data; boundary",
    ],
)
def test_a_boundary_that_is_none_is_a_bad_request(content_type: str) -> None:
    assert refused(content_type, END).kind is Kind.BAD_REQUEST


GOOD = part("a", b"1")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"--y--",
        b"--x",
        b"--x\r\n",
        GOOD,
        GOOD + b"--x\r\n",
        GOOD + b"--x-",
        GOOD + b"--xy\r\n",
        GOOD + b"--x--more",
        GOOD + END + GOOD,
        GOOD + END + b" " * 2000,
        b"preamble\r\n" + GOOD + END,
        (GOOD + END).replace(b"\r\n", b"\n"),
        b"--x\r\n\r\ndata\r\n" + END,
        b"--x\r\nContent-Disposition: form-data\r\n\r\n" + END,
        one_part("Content-Type: image/png"),
        one_part('Content-Disposition: attachment; name="file"'),
        one_part('Content-Disposition: form-data; name=""'),
        one_part(f'Content-Disposition: form-data; name="{"x" * 201}"'),
        one_part('Content-Disposition: form-data; name="a\tb"'),
        one_part('Content-Disposition: form-data; name="a"; name="b"'),
        one_part('Content-Disposition: form-data; name="a'),
        one_part('Content-Disposition: form-data; name="a" junk'),
        one_part(f"{NAMED}\r\n{NAMED}"),
        one_part(f"{NAMED}\r\nno header"),
        one_part(f"{NAMED}\r\nX-Long: {'x' * 8192}"),
        one_part(f"{NAMED}\r\n folded: 1"),
        one_part(f"{NAMED}\r\nContent-Transfer-Encoding: base64"),
        one_part(f"{NAMED}; filename=\"\xff\""),
        one_part(NAMED, b"\xff\xfe"),
        one_part(NAMED, b"a\x00b"),
    ],
    ids=lambda body: repr(body[:60]),
)  # fmt: skip
def test_what_is_no_form_is_a_bad_request(body: bytes) -> None:
    assert refused(TYPE, body).kind is Kind.BAD_REQUEST


def test_forty_parts_pass_and_forty_one_do_not() -> None:
    assert len(parse(TYPE, GOOD * 40 + END).fields) == 40
    assert "more than 40 parts" in refused(TYPE, GOOD * 41 + END).message


def test_a_file_at_the_limit_passes_and_a_byte_more_is_too_large() -> None:
    def form(size: int) -> bytes:
        return part("image", b"x" * size, filename="a.png") + END

    assert len(parse(TYPE, form(100), file_bytes=100).files[0].data) == 100
    problem = refused(TYPE, form(101), file_bytes=100)
    assert (problem.kind, problem.param) == (Kind.TOO_LARGE, "image")


def test_a_field_at_the_limit_passes_and_a_byte_more_is_too_large() -> None:
    most = multipart.MAX_FIELD_BYTES
    assert parse(TYPE, part("prompt", b"x" * most) + END).fields == [("prompt", "x" * most)]
    problem = refused(TYPE, part("prompt", b"x" * (most + 1)) + END)
    assert (problem.kind, problem.param) == (Kind.TOO_LARGE, "prompt")


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_file_comes_back_as_it_was_sent(data: bytes) -> None:
    boundary = "never-in-two-hundred-bytes"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'.encode()
    body = head + data + f"\r\n--{boundary}--\r\n".encode()
    assert parse(f"multipart/form-data; boundary={boundary}", body).files[0].data == data


@given(st.lists(st.sampled_from([b"--x", b"--", b"\r\n", b"\r\n\r\n", NAMED.encode(), b";", b'"', b"a"])))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_form_or_a_problem(pieces: list[bytes]) -> None:
    with suppress_bad_request():
        parse(TYPE, b"".join(pieces))


@contextmanager
def suppress_bad_request() -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        if problem.kind is not Kind.BAD_REQUEST:
            raise
