"""Who signs in, how, and the mail that is sent to them."""

from __future__ import annotations

from environ import Env

from config.settings.house import EASEL, HOST

# One way in for everybody, operators too: django-allauth's, with second factors.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if EASEL.env == "test":
    # Argon2 is slow on purpose; hundreds of made-up people of a test run need no protection.
    PASSWORD_HASHERS.insert(0, "django.contrib.auth.hashers.MD5PasswordHasher")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "accounts.forms.passwords.MaximumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "/login/", "/", "/login/"

# A session ends after so many seconds without a request, and after so many in any case.
SESSION_IDLE_SECONDS, SESSION_COOKIE_AGE = 12 * 3600, 7 * 24 * 3600
STAFF_IDLE_SECONDS, STAFF_SESSION_SECONDS = 30 * 60, 8 * 3600
SESSION_COOKIE_NAME = "__Host-sid" if EASEL.secure else "sid"  # the prefix is https only
CSRF_COOKIE_NAME = "__Host-csrf" if EASEL.secure else "csrf"
SESSION_COOKIE_HTTPONLY, CSRF_COOKIE_HTTPONLY = True, True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = EASEL.secure

ACCOUNT_ADAPTER, MFA_ADAPTER = "accounts.adapters.AccountAdapter", "accounts.adapters.FactorAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS, ACCOUNT_SIGNUP_FIELDS = {"email"}, ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION, ACCOUNT_CHANGE_EMAIL = "mandatory", True
ACCOUNT_EMAIL_NOTIFICATIONS = True  # every change of a password or a factor is mailed
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # in the browser that signed up, and in no other
ACCOUNT_SESSION_REMEMBER = True  # what ends a session stands above
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_FORMS = {
    "login": "accounts.forms.session.LogInForm",
    "signup": "accounts.forms.session.SignUpForm",
    "reset_password": "accounts.forms.session.ResetForm",
    "reset_password_from_key": "accounts.forms.passwords.NewPasswordForm",
    "change_password": "accounts.forms.passwords.ChangePasswordForm",
    "set_password": "accounts.forms.passwords.SetPasswordForm",
    "add_email": "accounts.forms.session.ChangeAddressForm",
    "reauthenticate": "accounts.forms.session.ConfirmForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.forms.factors.CodeForm",
    "reauthenticate": "accounts.forms.factors.ConfirmCodeForm",
    "activate_totp": "accounts.forms.factors.ActivateForm",
    "add_webauthn": "accounts.forms.factors.PasskeyForm",
    "authenticate_webauthn": "accounts.forms.factors.CodePasskeyForm",
    "login_webauthn": "accounts.forms.factors.LogInPasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.factors.ConfirmPasskeyForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER, MFA_TOTP_TOLERANCE = "Easel", 1
# Of one address 20 failures in a quarter of an hour; what one account bears is in `accounts.guessing`.
# `login_failed` counts wrong codes, once the password was right.
ACCOUNT_RATE_LIMITS = {
    "guess": "20/15m/ip",
    "login_failed": "20/15m/ip,5/5m/key,10/1h/key",
    "confirm_email": "1/1m/key",
}
if EASEL.env == "test":
    # All of a test run come from one address.
    ACCOUNT_RATE_LIMITS |= {
        **dict.fromkeys(
            ("guess", "login", "signup", "reset_password", "reset_password_from_key"), "9999/m/ip"
        ),
        "login_failed": "9999/m/ip,5/5m/key,10/1h/key",
    }

# Limits and used-up codes are counted where every process sees them.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

_mail = Env.email_url_config(EASEL.email_url)
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = _mail.get("EMAIL_HOST") or "localhost", _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = (
    _mail.get("EMAIL_HOST_USER") or "",
    _mail.get("EMAIL_HOST_PASSWORD") or "",
)
EMAIL_FILE_PATH = f"/{_mail['EMAIL_FILE_PATH'].lstrip('/')}" if _mail.get("EMAIL_FILE_PATH") else None
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = EASEL.support_email or f"easel@{HOST}"
