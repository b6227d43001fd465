"""The first page of a login in two steps, told from the other forms that ask for a name or an address."""

from __future__ import annotations

import pytest

from scanready.wire.http import pages

USER = "<input name=username>"


def asks(body: str) -> bool:
    return pages.look(body.encode()).asks_user


@pytest.mark.parametrize(
    "body",
    [
        f"<form method=post action=/login>{USER}</form>",
        f"<form method=POST id=kc-form-login>{USER}<input type=hidden name=csrf></form>",
        f"<form method=post>{USER}<button>Sign in</button></form>",
        f"<form method=post>{USER}<input type=submit value=Anmelden></form>",
        f"<form method=post><h3>Log in</h3>{USER}</form>",
        f"<form method=post><label>Login</label>{USER}</form>",
        "<form method=post><input type=email id=i0116 autocomplete='username webauthn'><button>Sign in</button></form>",
        "<form method=post><input name=identifier placeholder='Login'></form>",
        f"<title>Sign in</title><form method=post>{USER}</form>",
        f"<h1>Sign in</h1><form method=post>{USER}</form>",
        # a search beside it, and a form that the page does not end
        f"<form><input name=q></form><form method=post action=/login>{USER}",
    ],
)
def test_a_form_that_asks_for_a_user_name_is_the_first_step_of_a_login(body: str) -> None:
    assert asks(body)


@pytest.mark.parametrize(
    "body",
    [
        # nothing calls it a login
        f"<form method=post>{USER}<button>Next</button></form>",
        # other forms that ask for an address
        "<form method=post action=/login/newsletter><input name=email></form>",
        "<title>Sign up or sign in</title><form method=post><input name=email></form>",
        # a second field for text, or none for a user name
        f"<form method=post action=/login>{USER}<textarea name=why></textarea></form>",
        f"<form method=post action=/login>{USER}<input name=city></form>",
        "<form method=post action=/login><input name=city></form>",
        "<form method=post action=/login><input type=checkbox name=username></form>",
        # the whole login on one page is judged by its password field
        f"<form method=post action=/login>{USER}<input type=password name=p></form>",
        # a form that asks a server, and fields without a form
        f"<form action=/login>{USER}</form>",
        f"<title>Sign in</title>{USER}",
        # two of them
        f"<form method=post action=/login>{USER}</form>" * 2,
    ],
)
def test_other_forms_are_not(body: str) -> None:
    assert not asks(body)


def test_long_words_are_cut() -> None:
    far = "x" * 3000
    assert not asks(f"<form method=post action='{far}/login'>{USER}</form>")
    assert not asks(f"<form method=post>{USER}<input type=submit value='{far}'><button>Sign in</button></form>")
