"""The cause of a login that works today and will be refused within days."""

from __future__ import annotations

from scanready.model import Cause, Owner, Scope, Step

LOGIN_EXPIRES_SOON = Cause(
    "login.expires-soon",
    Owner.IDENTITY,
    Step.LOGIN,
    "The server accepted the account, and says that its password or the account itself expires within days.",
    "Change the password, or extend the account, before that date. A scan that runs then would fail. Give the new "
    "password to the operator of the scanner.",
    "PostgreSQL: SELECT rolvaliduntil FROM pg_roles WHERE rolname = '{user}'. SQL Server: SELECT "
    "LOGINPROPERTY('{user}', 'DaysUntilExpiration'). Oracle: SELECT expiry_date FROM user_users.",
    scoped=Scope.TARGET,
    wire="The server accepts the login; its warning (Oracle: ORA-28002) or its answer to a question about the account "
    "has the date.",
)
