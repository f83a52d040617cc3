"""The words of refusing servers, by Sisimai's reasons: asked from top to bottom, so that the telling ones come first."""

from __future__ import annotations

from mailgate.mail.words import any_of

_WHO = "(?:user|recipient|receipient|mailbox|account|address|addressee|alias|person|member|id)s?"
WORDS: tuple[tuple[str, str], ...] = (
    ("spamdetected", r"spam classification|(?:mass|bulk) mailer|spamsignature|spam (?:or|/) ?virus|spam/virus"),
    (
        "mailererror",
        r"generated during the delivery attempt|pipe to \||command (?:died|output)|child (?:crashed|died)|procmail:",
    ),
    (
        "notcompliantrfc",
        r"""
        not (?:rfc|compliant)|rfc ?\d{3,4}.{0,30}complian|multiple .{0,30}(?:from|in from)|duplicate header
        """,
    ),
    (
        "policyviolation",
        r"""
        potential security|security polic|executable|attachment .{0,30}(?:not allowed|prohibited)|policy reasons
        illegal attachment|organi[sz]ational settings|not subscribed to|messages with multiple addresses|captcha
        because (?:of )?its content presents|header error|non-member|closed mailing list|low priority
        """,
    ),
    (
        "securityerror",
        r"""
        smtp auth|unauthenticated senders?\b.{0,20}not|authentication (?:is )?(?:required|needed)|must (?:be )?authenticate
        without auth|auth(?:entication)? (?:failed|failure|unsuccessful)|must issue a starttls|encryption (?:is )?required
        """,
    ),
    (
        "blocked",
        r"""
        \brbl\b|dnsbl|spamhaus|spamcop|\bsorbs\b|barracudacentral|blackhole|blocklist|block list|relay quota
        """,
    ),
    ("virusdetected", r"virus|malware|infected|trojan|clamav"),
    (
        "authfailure",
        r"""
        \bspf\b|\bdkim\b|\bdmarc\b|sender policy framework|not authenticated.{0,40}domain|unauthenticated email
        """,
    ),
    (
        "requireptr",
        r"""
        ip name lookup failed|cannot resolve your address|mismatches client ip|unverif[iy]able sending|forward dns entry
        \bptr\b|reverse dns|rdns|reverse lookup|cannot find your (?:reverse )?host|no dns record for
        """,
    ),
    (
        "mailboxfull",
        r"""
        mailbox.{0,20}\bfull|\bquota|over ?quota|insufficient.{0,20}(?:storage|space|disk)|mailbox size|full mailbox
        exceed.{0,30}storage|storage.{0,20}exceed|out of (?:disk )?space|too much mail data|not enough (?:disk )?space
        disk full|(?:mail)?(?:box|folder|drop|spool)(?: file)? is full|mailbox exceeds
        (?:mailbox|account) .{0,30}exceeded|is over .{0,20}size
        no space left|(?:not|n't) (?:have )?(?:enough|sufficient) (?:disk |storage )?space|space has been used up
        destinataire pleine
        too many messages on the server
        overquota|over disk|storage .{0,20}(?:full|limit)|full mail ?box|mailboxfull|user is full
        """,
    ),
    (
        "mesgtoobig",
        r"""
        too (?:large|big)|size limit|line limit|length exceeds administrative|taille limite|exceeds? .{0,30}\bsize
        message size|maximum (?:message )?size|larger than
        """,
    ),
    ("badreputation", r"reputation|bad score|poor score|user complaints"),
    (
        "spamdetected",
        r"""
        \bspam|unsolicited|junk mail|\bube\b|\bbulk mail|spamassassin|looks like (?:junk|spam)|high spam|advertis
        dspam|content (?:reject|filter|denied)|(?:unacceptable|banned|mail) content|bulk e-?mail|recurrent pattern|uribl
        reject, id=|for abuse|anti-?spam|by our filter|detected that this message is|mail score
        """,
    ),
    (
        "toomanyconn",
        r"""
        too many (?:\w+ )?(?:connections?|sessions|concurrent|recipients)|max emails per hour|too many errors from
        trop de connexions|connection limit|connection rate
        """,
    ),
    (
        "speeding",
        r"""
        too (?:fast|quickly|frequent)|rate limit|throttl|sending (?:too|rate)|message rate|at a rate|recipients this hour
        too many (?:messages|mails|emails) (?:in|per|from)|try again (?:more )?slow
        """,
    ),
    ("exceedlimit", r"recipients? limit|message limit|exceeded .{0,30}\blimit"),
    (
        "norelaying",
        r"""
        relay(?:ing)? (?:not|denied|access|is not)|unable to relay|not permitted to relay|we do not relay|relaying
        as a relay|handle mail for|allowed to relay|specified domain is not allowed
        rcpthosts|not (?:a )?local (?:host|domain)|insecure mail relay|not a gateway|no relay|open relay
        (?:use|using) (?:me|us) .{0,80}relay|not configured to relay|relay (?:operation|prohibited|mail for)|cannot relay
        """,
    ),
    (
        "rejected",
        r"""
        sender (?:address )?(?:is |has been )?(?:in my )?black ?list|your email address has been blacklisted
        sending to/from an address|batv|bouncedeny|third-party dsn|bogus mail from|purported responsible|emetteur invalide
        (?:null|empty)(?: envelope)? senders? (?:is |are )?not|returned mail not accepted|sender domain is empty
        list of senders|senderfilter|envelope blocked|email address is not verified|to submit messages to|to post to this
        """,
    ),
    (
        "filtered",
        r"""
        extended inactivity|restricted sms|user rules|recipient preferences|is protected by|refuses? to receive
        by the recipient$
        """,
    ),
    (
        "blocked",
        r"""
        blocked (?:using|by)\b|blocked - |^(?:\d{3} )?(?:5\.\d\.\d )?blocked\b|banned sending|dynamic ip|bad ip profile|black list
        no access from|go away|mail from (?:your|dynamic) ip|refused - see|closing transmission channel|open proxy
        listed (?:at|as abusive)|server access forbidden|host network,? not allowed|allowed to connect|abuseat
        block(?:ed|ing)? .{0,40}\b(?:ip|host|list|network|address)\b
        \b(?:ip|host|client|server)\b.{0,50}\b(?:blocked|blacklisted|banned|rejected)|blacklist
        \bhost access denied|refused to talk|invalid ip
        access denied.{0,20}\bip\b|connections? (?:refused|not accepted|dropped)|not accepting (?:mail from|connections)
        bad (?:helo|ehlo)|helo command|smtp server of your isp
        """,
    ),
    (
        "suspend",
        r"""
        suspended|disabled|inactive|deactivated|account.{0,30}(?:locked|frozen|expired|not active)|has been closed
        temporar(?:y|ily) locked|archived recipient|destinataire archivee|user is terminated|suspend the service
        not active|mailbox unavailable or access denied|is frozen
        """,
    ),
    ("hasmoved", r"has moved|address changed|no longer at|moved to|new address is|replaced by"),
    (
        "rejected",
        r"""
        sender (?:address )?(?:\S+ )?(?:rejected|denied|verif|not|unknown)|mail from .{0,60}(?:reject|not|denied)
        bad sender|domain of sender|sender domain|invalid sender|from address|access denied.{0,30}sender|from: domain
        sender was rejected|valid from:|from:? (?:address|header|field) .{0,30}(?:invalid|not valid|reject)
        your email address|invalid domain in mail
        """,
    ),
    (
        "hostunknown",
        r"""
        host (?:or domain name )?(?:unknown|not found)|unknown (?:host|domain)
        domain (?:name )?(?:not found|does(?: not|n't) exist|unknown|invalid)|no such (?:host|domain)
        name or service not known|nxdomain|unrout(?:e)?able (?:mail )?(?:domain|address)|unresolvable|\bno mx\b
        bad destination (?:host|system|domain)|illegal host|host \S{1,255} not found|domain is not reachable|unresolvable
        no such (?:host|domain)|domain must (?:resolve|exist)|\b553 [\w.-]{3,200} does not exist
        recipient address must contain a domain
        """,
    ),
    (
        "filtered",
        r"""
        user reject|message filtered|recipient.{0,30}(?:refused|not accepting|does not want)|not interested
        rule(?:s)? rejected|because the recipient|bounced address|only accepts? mail from|restricted .{0,30}sender
        """,
    ),
    (
        "userunknown",
        r"""
        {WHO}\b.{0,60}\b(?:unknown|invalid|unavailable|undeliverable|not a valid|doesn't have)
        {WHO}\b.{0,60}\b(?:not|n't)(?: be)? (?:found|exist|known|valid|listed|available|have)
        (?:unknown|invalid|no such|bad|illegal|non-?existent|no mail ?box|not our|no) .{0,30}\b{WHO}
        not (?:a )?(?:known|valid|listed|found).{0,40}(?:user|recipient|mailbox|account|directory|name)
        no (?:longer )?(?:such|valid) (?:user|recipient|person)|there is no one
        delivery to the following recipients? failed|unknown to|user unknown|is not local|no mailbox here
        not listed in|recipnotfound|address rejected|no such \w+|5\.1\.1|is unknown|does not like recipient|bad_recipient
        address not found|couldn't be found|not our (?:customer|user)|not a registered|bad destination mailbox
        nobody (?:by|with) th(?:at|is) name|present in directory|name directory|can't accept user|not an active address
        mailbox (?:not present|unavai)|nessun utente|no existe (?:dicha|ese)|not a local address|userunknown|invalid-?recipient
        recipient (?:is )?not (?:accepted|ok)|refuses to accept your|badr(?:cpt|ecipient)to|validrcptto|recipient has been denied
        no longer (?:valid|accepts mail)|missing home directory|utilisateur inconnu|> not found|existent user|unknown local.?part
        does not exist\.|addresses were unknown
        """,
    ),
    (
        "policyviolation",
        r"policy|policies",
    ),
    (
        "notaccept",
        r"""
        does not accept (?:any )?mail|null mx|find a mail exchanger|no smtp service|domain .{0,40}not accept(?:ing)? (?:any )?mail
        """,
    ),
    (
        "expired",
        r"""
        retry time ?out|retry timeout exceeded|failing for a long time|envelope expired|message expired|queue (?:too|for) long
        in the queue too long|not delivered within|(?:after|failed) \d{1,4} attempts|retries exhausted|unable to deliver in \d
        could not be delivered for|been undeliverable for|undelivered for|not .{0,20}responding|maximum retries
        requests to connect
        """,
    ),
    ("systemerror", r"loop broken|create a mail loop|loops back to|loop was found in"),
    (
        "networkerror",
        r"""
        connection (?:lost|reset|closed|dropped|failed|was)|network is|no route|unreachable|loop|too many hops
        hop count|hop count|could not connect|couldn't connect|dns|name server|lost connection
        establish .{0,20}connection|mx (?:points|records)|protocol error|socket error|unable to connect
        host is down|operation timed out|temporarily unable to deliver
        """,
    ),
    (
        "expired",
        r"""
        delivery (?:time|expired)|retry time(?:out)?|could not be delivered for|too long|timed? ?out|expired
        retries exhausted|been in the queue|delivery attempts|giving up|delayed|retry timeout exceeded
        multiple retries|allowed queue period|did(?: not|n't) respond|not been collected
        """,
    ),
    (
        "notaccept",
        r"""
        does not accept mail|smtp service|not accept(?:ing)? (?:any )?(?:mail|messages)|no smtp|host .{0,40}does not
        """,
    ),
    ("contenterror", r"content|mime|attachment|header|8.?bit|line too long|nul characters"),
    ("syntaxerror", r"syntax|bad sequence|command (?:parameter )?not|unrecognized command|unimplemented"),
    ("systemfull", r"system (?:is )?full|mail system full"),
    (
        "systemerror",
        r"""
        interrupted system call|encountered an error|config\w{0,8} error|misconfigured|queue file|no mdb|local problem
        local error|currently unavailable|system (?:config|error|problem)|internal (?:error|software)|i/o error|can't create
        cannot open
        server error|aliasing|service unavailable|transaction failed|could not load|resources? (?:un)?available
        """,
    ),
    (
        "mailererror",
        r"""
        command (?:failed|died|output)|pipe|procmail|exit status|\|\| exit|maildrop|x-unix|mailer|child|returned process
        """,
    ),
    (
        "securityerror",
        r"""
        authent|verification failure|dead domain|ses:send|security (?:polic|reason|error|violat|check)|encrypt|starttls
        tls|login|password|permission denied
        """,
    ),
)
TABLE = tuple((reason, any_of(words.replace("{WHO}", _WHO))) for reason, words in WORDS)
