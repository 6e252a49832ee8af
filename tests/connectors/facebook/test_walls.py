"""What happens to comments of a page becomes the items that it tells of."""

from __future__ import annotations

import pytest

from hub.contracts import Alias, AmendmentItem, CommentItem, EchoItem, Ignored
from tests.connectors.facebook.reading import PAGE, SAMPLES, changes, items, sample


def test_a_comment_is_by_another_id_than_the_chat() -> None:
    (top,), (reply,), (picture,) = (sample(name) for name in ("comment", "comment_reply", "comment_with_photo"))

    assert isinstance(top, CommentItem)
    assert isinstance(reply, CommentItem)
    assert isinstance(picture, CommentItem)
    assert (top.provider_id, top.post_id, top.parent_id) == ("778899_112233", f"{PAGE}_778899", None)
    assert (top.reply_to, top.thread) == ({"comment_id": "778899_112233"}, "778899_112233")
    assert top.party is not None
    assert top.party.aliases == (Alias("facebook-user", f"{PAGE}:7654321098765432"),)
    assert top.party.display_name == "Ana Torres"
    assert top.permalink == f"https://www.facebook.com/{PAGE}/posts/778899"
    assert (reply.parent_id, reply.thread) == ("778899_112233", "778899_112233")
    assert [one.kind for one in picture.files] == ["image"]


def test_a_link_may_be_longer_than_any_id() -> None:
    long = "https://scontent.example/p.jpg?oh=" + "f" * 900
    body = (SAMPLES / "comment_with_photo.json").read_bytes()
    picture = body.replace(rb"https:\/\/scontent.example\/p.jpg", long.encode())
    linked = picture.replace(b'"photo"', b'"link"')

    ((seen,), (followed,)) = (items(picture), items(linked.replace(rb"https:\/\/www.facebook.com", long.encode())))

    assert isinstance(seen, CommentItem)
    assert isinstance(followed, CommentItem)
    assert [one.source for one in seen.files] == [{"url": long}]
    assert followed.text == long
    assert (followed.permalink or "").startswith(long)


def test_a_picture_that_cannot_be_fetched_is_told_as_lost() -> None:
    body = (SAMPLES / "comment_with_photo.json").read_bytes()
    endless = b"https://scontent.example/p.jpg?oh=" + b"f" * 5000

    (found,) = items(body.replace(rb"https:\/\/scontent.example\/p.jpg", endless))

    assert isinstance(found, CommentItem)
    assert [(one.kind, bool(one.trouble)) for one in found.files] == [("image", True)]


def test_the_author_may_be_missing_or_stand_elsewhere() -> None:
    (nobody,), (old,), (mention,) = (sample(n) for n in ("comment_without_author", "comment_before_2_11", "mention"))

    assert isinstance(nobody, CommentItem)
    assert isinstance(old, CommentItem)
    assert isinstance(mention, CommentItem)
    assert nobody.party is None
    assert old.party is not None
    assert old.party.display_name == "Ana Torres"
    assert mention.mention


def test_what_happens_to_a_comment_changes_it() -> None:
    found = changes("comment_edited", "comment_removed", "comment_hidden", "comment_shown")

    assert [(one.kind, one.target, one.by) for one in found] == [
        ("edit", "778899_112233", "customer"),
        ("delete", "778899_112233", "customer"),
        ("hide", "778899_112233", "company"),
        ("show", "778899_112233", "company"),
    ]
    assert len({one.provider_id for one in found}) == 4


@pytest.mark.feature("CI-08", part="facebook")
def test_what_the_page_answers_is_its_own_never_anybodys() -> None:
    (found,) = sample("comment_of_the_page")

    assert isinstance(found, EchoItem)
    assert (found.party, found.quoted_provider_id) == (None, "778899_112233")
    assert (found.kind, found.text) == ("comment", "Le escribimos por privado.")


def test_a_comment_of_the_page_that_answers_nobody_is_ignored() -> None:
    body = (SAMPLES / "comment_of_the_page.json").read_bytes()

    for verb in (b"add", b"edited"):
        top = body.replace(b'"parent_id":"778899_112233"', b'"parent_id":"345670000000003_778899"')
        (found,) = items(top.replace(b'"verb":"add"', b'"verb":"%s"' % verb))
        assert isinstance(found, Ignored)


def test_other_news_of_the_feed_is_ignored_by_name() -> None:
    assert [item.reason for item in sample("feed_others") if isinstance(item, Ignored)] == [
        "reaction items of the feed are not used",
        "post items of the feed are not used",
    ]


def test_whoever_names_the_page_in_a_post_of_their_own_is_heard() -> None:
    (found,) = sample("mention_in_a_post")

    assert isinstance(found, CommentItem)
    assert (found.provider_id, found.post_id, found.mention) == ("111_998877", "111_998877", True)


def test_a_comment_below_our_own_post_is_the_same_told_as_a_mention() -> None:
    body = (SAMPLES / "comment.json").read_bytes()

    assert items(body.replace(b'"field":"feed"', b'"field":"mention"')) == items(body)


def test_what_the_page_edits_of_its_own_is_the_companys_change() -> None:
    body = (SAMPLES / "comment_of_the_page.json").read_bytes()

    (found,) = items(body.replace(b'"verb":"add"', b'"verb":"edited"'))

    assert isinstance(found, AmendmentItem)
    assert (found.kind, found.by, found.target) == ("edit", "company", "778899_445566")
