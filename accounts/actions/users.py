"""People, before they belong anywhere."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.errors import InvalidValue
from accounts.models import User
from runtime.ids import word

ONE_TIME_LETTERS = 20


def ensure(*, email: str) -> tuple[User, str | None]:
    """The user with this address, made if there is none; then with a password to be shown once,
    which is None for somebody who was here already. Raises InvalidValue."""
    email = _address(email)
    found = User.objects.filter(email=email).first()
    if found is not None:
        return found, None
    password = word(ONE_TIME_LETTERS)
    return User.objects.create_user(email, password), password


def rename(*, user: User, name: str) -> None:
    """What the others of his teams read beside his address."""
    user.name = name.strip()[:120]
    user.save(update_fields=["name"])


def set_password(*, user: User, password: str) -> None:
    """Raises InvalidValue for a password that is too easy to guess."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidValue("password", " ".join(error.messages)) from error
    user.set_password(password)
    user.save(update_fields=["password"])


def _address(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidValue("email", f"{email!r} is not an e-mail address.") from error
    return email
