"""Causes specific to HTTP: devices in the path, redirects, and the meaning of a status."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

_CURL = "On the agent: curl -vkI {url}"

# devices in the path ------------------------------------------------------------------------------------------------

PROXY_LOGIN = Cause(
    "http.proxy-login",
    Owner.NETWORK,
    Step.CONNECT,
    "The configured proxy requires its own login (407).",
    "Exempt this agent's address from the proxy's login.",
    "On the agent: curl -v -x http://PROXY:PORT {url}",
    also=(OtherOwner(Owner.OPERATOR, "Remove `proxy` from the target, if the agent reaches it without a proxy."),),
    wire="The proxy answers the agent's CONNECT or request with 407 and a Proxy-Authenticate header.",
)
PROXY_REFUSED = Cause(
    "http.proxy-refused",
    Owner.NETWORK,
    Step.CONNECT,
    "The configured proxy does not connect to the target: its policy forbids it, or it cannot reach or resolve the "
    "target.",
    "Permit the target's host and port for this agent in the proxy's policy. The statuses 502, 503 and 504 mean that "
    "the proxy itself cannot reach or resolve the target.",
    "On the agent: curl -v -p -x http://PROXY:PORT {url}",
    wire="The proxy answers the agent's CONNECT or request with an error status such as 403 or 503, or closes the "
    "connection.",
)
NOT_A_PROXY = Cause(
    "http.not-a-proxy",
    Owner.OPERATOR,
    Step.CONNECT,
    "The option `proxy` names a web server, not a proxy.",
    "Correct `proxy` in the inventory (common ports are 3128 and 8080), or remove it.",
    "On the agent: curl -v -p -x http://PROXY:PORT {url}",
    wire="The server answers CONNECT with a page or with a status for an unknown method or page, or it returns a page "
    "or a 401 for a host name that cannot exist (scanready.invalid).",
)
PROXY_BETWEEN = Cause(
    "http.proxy-between",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "A transparent proxy answers in place of the target and requires a login (407). The inventory names no "
    "proxy for this target.",
    "Exempt this agent's connections to the target from the transparent proxy.",
    _CURL,
    wire="The agent sends a plain request to {host}; the answer is 407 with a Proxy-Authenticate header.",
)
CAPTIVE_PORTAL = Cause(
    "http.captive-portal",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "A captive portal answers in place of the target (status 511, or its own page). This agent must first log in to "
    "the network.",
    "Register the agent with the network access control, or exempt its address.",
    _CURL,
    wire="The answer to the agent's request or CONNECT is 511, the portal's login page, or a redirect to it.",
)
CHALLENGED = Cause(
    "http.challenged",
    Owner.SERVER,
    Step.HANDSHAKE,
    "A web application firewall answers with a challenge that requires a browser or a human.",
    "Permit the agent's address in the rules of the firewall or CDN.",
    _CURL,
    scoped=Scope.PATH,
    wire="The answer to the agent's request has a header that marks a challenge, such as cf-mitigated.",
)

BLOCK_PAGE = Cause(
    "http.block-page",
    Owner.NETWORK,
    Step.ACCESS,
    "A filter answers with its block or challenge page, often with status 200. The site itself was not reached.",
    "Permit the site for this agent in the web filter of the agent's network, if that shows the page.",
    "On the agent: curl -vk {url}   # read the page",
    also=(OtherOwner(Owner.SERVER, "Permit this agent's address in the site's firewall, if that shows the page."),),
    wire="The body of the answer to the agent's GET is the block page or challenge of the product named in the detail.",
)

# redirects ----------------------------------------------------------------------------------------------------------

REDIRECT_UNREACHABLE = Cause(
    "http.redirect-unreachable",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "The site redirects every visitor to another endpoint, and this agent cannot connect to it.",
    "Permit the connection from this agent to the endpoint named in the detail (usually port 443 in addition to 80), "
    "or let the agent's DNS server resolve its name.",
    "On the agent: curl -vkIL {url}",
    also=(
        OtherOwner(
            Owner.SERVER,
            "Start the service at the endpoint named in the detail, or correct the redirect, if a reset or an unknown "
            "name shows that nothing is there.",
        ),
    ),
    wire="The server answers with a redirect (Location); the agent cannot resolve the endpoint's name, or its "
    "connection to that endpoint times out, is rejected, or gets no data.",
)
REDIRECT_BROKEN = Cause(
    "http.redirect-broken",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The site's redirects form a loop, or lead to an invalid address.",
    "Correct the redirection rules of the site.",
    "On the agent: curl -vkIL {url}",
    also=(OtherOwner(Owner.OPERATOR, "Name the page itself in the inventory, if it answers without a redirect."),),
    wire="The Location header of a redirect names a URL that the agent has already requested, or an invalid URL.",
)
REDIRECTS_ELSEWHERE = Cause(
    "http.redirects-elsewhere",
    Owner.OPERATOR,
    Step.AUTH,
    "The site redirects to another host: its new name, a single sign-on, a login page or a block page. "
    "The site's own pages were not reached.",
    "If the data is on the host named in the detail, put that host in the inventory. If it is a login or block page, "
    "exempt this agent from it.",
    "On the agent: curl -vkIL {url}",
    wire="The server answers with a redirect (Location, Refresh, or in the page) to another host name.",
)

# the status and the page --------------------------------------------------------------------------------------------

UNAVAILABLE = Cause(
    "http.unavailable",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The front end answers, but the service behind it does not (502, 503, 504, or 520 to 530 from Cloudflare). It is "
    "down, in maintenance or overloaded, or no backend passes the load balancer's health check.",
    "Start the backend service. Check the state of the backends in the load balancer (HAProxy: `show servers "
    "state`), and check that the origin server accepts connections from the CDN. Or check again after the time in "
    "Retry-After.",
    _CURL,
    wire="The server answers the agent's request with 502, 503, 504 or a status from 520 to 530.",
)
SERVER_ERROR = Cause(
    "http.server-error",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The web service fails with an internal error (500 or similar) for this page.",
    "Find the error in the web server's error log at the time of the check.",
    _CURL,
    wire="The server answers the agent's request with a 5xx status such as 500.",
)
FORBIDDEN = Cause(
    "http.forbidden",
    Owner.SERVER,
    Step.AUTH,
    "The server refuses this page (403) without asking for a login. Possible causes: an address rule, a web "
    "application firewall, file permissions, or no index page.",
    "Permit the agent's address in the server's rules.",
    _CURL,
    scoped=Scope.PATH,
    also=(OtherOwner(Owner.OPERATOR, "Name a path in the inventory that is readable without a login."),),
    wire="The server answers the agent's request with 403 or 451, and without a login challenge.",
)
REQUEST_REFUSED = Cause(
    "http.request-refused",
    Owner.SERVER,
    Step.AUTH,
    "The server refuses the request with a status that neither asks for a login nor returns a page. Status 400 also "
    "results if a load balancer sends the PROXY protocol to a backend that does not expect it.",
    "Look up the request in the server's access log. Behind a load balancer, check that `send-proxy` there agrees with "
    "`accept-proxy` or `proxy_protocol` at the backend.",
    _CURL,
    also=(
        OtherOwner(Owner.OPERATOR, "Correct host name and path in the inventory, if the server does not know them."),
    ),
    wire="The server answers the agent's request with a status other than success, 401 or 403, such as 400 or 405.",
)
NO_PASSWORD_SCHEME = Cause(
    "http.no-password-scheme",
    Owner.SERVER,
    Step.AUTH,
    "The server requires a login, but none of its login methods accepts a user name and password (tokens, single "
    "sign-on).",
    "Enable Basic over TLS, Digest or NTLM for the scan account on this site.",
    _CURL,
    wire="The server answers 401; its WWW-Authenticate headers name only schemes such as Bearer, or are missing.",
)
NEGOTIATE_ONLY = Cause(
    "http.negotiate-only",
    Owner.SERVER,
    Step.AUTH,
    "The server offers only Negotiate. Only a login shows whether that includes NTLM or is Kerberos only. A rejected "
    "login would count against the account, so it was not tried.",
    "Offer NTLM in addition to Negotiate.",
    "On the agent: curl -vk --ntlm -u {user} {url}",
    definite=False,
    also=(OtherOwner(Owner.OPERATOR, "Check with the scanner's own client from an agent in the domain."),),
    wire="The server answers 401; Negotiate is the only usable scheme in its WWW-Authenticate headers.",
)
EMPTY = Cause(
    "http.empty",
    Owner.SERVER,
    Step.ACCESS,
    "The page is empty: it has no text to scan and no link to follow.",
    "Publish content at this path, or a page that links to content.",
    "On the agent: curl -vk {url}",
    also=(OtherOwner(Owner.OPERATOR, "Name a path in the inventory that has content."),),
    wire="The server answers the agent's GET with a success status and a body without text or links.",
)
ERROR_PAGE = Cause(
    "http.error-page",
    Owner.SERVER,
    Step.ACCESS,
    "The page has status 200 but reports an error: a missing page, a required login or a failed service, for example. "
    "A scan finds no data on it.",
    "Correct the error quoted in the detail. Configure the server to report errors by status (404, 401, 503).",
    "On the agent: curl -vk {url}   # read the page",
    also=(OtherOwner(Owner.OPERATOR, "Name a path in the inventory that has content."),),
    wire="The server answers the agent's GET with 200 and a body that is an error page.",
)
MAINTENANCE = Cause(
    "http.maintenance",
    Owner.SERVER,
    Step.ACCESS,
    "The page has status 200 but announces maintenance. It is unknown what a scan finds after the maintenance.",
    "End the maintenance. Then check again.",
    "On the agent: curl -vk {url}   # read the page",
    definite=False,
    wire="The server answers the agent's GET with 200 and a maintenance page, or with a Retry-After header.",
)
PARKED = Cause(
    "http.parked",
    Owner.OPERATOR,
    Step.ACCESS,
    "A domain parking service answers in place of the site. The domain has expired or has no site, or its name is "
    "misspelt.",
    "Correct the host name in the inventory, or renew the domain.",
    "On the agent: curl -vk {url}   # read the page",
    wire="The server answers the agent's GET with the page of a domain parking service.",
)
LOGIN_FORM = Cause(
    "http.login-form",
    Owner.SERVER,
    Step.ACCESS,
    "The page is a login form (status 200). A scan does not fill in forms, so it reads only the form itself.",
    "Enable Basic over TLS, Digest or NTLM for the scan account on this site.",
    "On the agent: curl -vk {url}   # read the page",
    also=(OtherOwner(Owner.OPERATOR, "Name a path in the inventory that needs no session."),),
    wire="The server answers the agent's GET with 200 and an HTML form, and sends no WWW-Authenticate header.",
)
LOGIN_UNPROVEN = Cause(
    "http.login-unproven",
    Owner.SERVER,
    Step.LOGIN,
    "The server asked for a login, but its answer does not show whether it accepts the account. It is a redirect to a "
    "login page, a login form, an error, or the same status as without a credential.",
    "Configure the server to check the account at this page itself, without a login page or single sign-on.",
    "Log in manually with the same account, once: curl -vk --anyauth -u {user} {url}",
    definite=False,
    may_count=True,
    also=(
        OtherOwner(Owner.NETWORK, "Exempt this agent from the gateway or filter that shows the page, if one does."),
        OtherOwner(Owner.OPERATOR, "Name the page that holds the data in the inventory, if it is another one."),
    ),
    wire="The agent's request has an Authorization header; the answer is neither 401 nor the requested page.",
)
SCRIPTS_ONLY = Cause(
    "http.scripts-only",
    Owner.SERVER,
    Step.ACCESS,
    "The page shows its content only in a browser that runs its scripts: it is a JavaScript application or a "
    "firewall's challenge. A scan reads only the HTML, which has almost no text.",
    "Permit the agent's address in the firewall, if the page is a challenge.",
    "On the agent: curl -vk {url}   # read the page",
    also=(OtherOwner(Owner.OPERATOR, "Name a path in the inventory whose content is in the HTML itself."),),
    wire="The server answers the agent's GET with HTML that has script elements and almost no text or links.",
)

# statuses of a wrong name and of a lost request --------------------------------------------------------------------

UNKNOWN_HOST = Cause(
    "http.unknown-host",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The web server has no site of this host name: it rejects the name in the field Host (400 Invalid Hostname, 421).",
    "Name the site in the inventory by the host name that the server knows, not by an address or an alias.",
    "On the agent: curl -vkI {url}   # then with -H 'Host: NAME' for the name that the server knows",
    wire="The server answers the request for this Host with 400 (`Invalid Hostname`), 403 (`Invalid Host header`) or "
    "421.",
    also=(OtherOwner(Owner.SERVER, "Add the name to the bindings or virtual hosts of the web server."),),
)
REQUEST_TIMEOUT = Cause(
    "http.request-timeout",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server reports that it did not receive the whole request in time (408), though the agent sent it at once. "
    "This is transient: a connection was lost, or a proxy in front is overloaded.",
    "Check again. If it stays, look at the load of the server and for a device in the path that holds back requests.",
    _CURL,
    wire="The agent sends its request in one segment; the server answers with the status 408.",
    definite=False,
)
