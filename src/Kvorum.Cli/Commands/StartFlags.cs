using System.CommandLine;
using System.Numerics;
using Kvorum.Cli.CommandLine;
using Kvorum.Server.Hosting;

namespace Kvorum.Cli.Commands;

/// <summary>All flags of <c>kvorum start</c>. Defaults are those of <see cref="ServerOptions"/>.</summary>
internal sealed class StartFlags
{
    private static readonly ServerOptions Defaults = new();

    private readonly Option<string> _id = Flag.Text(
        "--id", "name|uuid",
        "This node's unique name, or its UUID; also -node. [default: the data folder's, else a new one]", "");

    private readonly Option<string> _data = Flag.Text(
        "--data", "folder", "Where everything is stored; made if it is not there.", Defaults.DataFolder);

    private readonly Option<string> _wal = new("--wal")
    {
        Description = "As in -wal ./data/node1/wal.log: its folder is the data folder.",
        Hidden = true,
    };

    private readonly Option<string> _snapEvery =
        new("--snap-every") { Description = "Accepted and not needed: logs are cut by size.", Hidden = true };

    private readonly Option<string> _addr = Flag.Text(
        "--addr", "host:port",
        "Where clients are served (gRPC and the native protocol); :port is this machine only.",
        Defaults.ClientAddress);

    private readonly Option<string> _http = Flag.Text(
        "--http-addr", "host:port", "Where HTTP/JSON is served.", Defaults.HttpAddress);

    private readonly Option<string> _peer = Flag.Text(
        "--peer-addr", "host:port", "Where other nodes are served. Also -raft_addr.", Defaults.PeerAddress);

    private readonly Option<string> _advertise = Flag.Text(
        "--advertise-addr", "host:port", "What clients are told to dial. [default: --addr]", "");

    private readonly Option<string> _advertiseHttp = Flag.Text(
        "--advertise-http-addr", "host:port", "What HTTP clients are told to dial. [default: --http-addr]",
        "");

    private readonly Option<string> _httpHosts = Flag.Text(
        "--http-host", "name,...",
        "Names under which HTTP clients ask for this node, beside localhost, addresses, this machine's and "
        + "this node's name; under others requests are refused. [default: the host of --advertise-http-addr]",
        Defaults.HttpHosts);

    private readonly Option<string> _advertisePeer = Flag.Text(
        "--advertise-peer-addr", "host:port",
        "What other nodes are told to dial. [default: the own entry of --peers, else --peer-addr]", "");

    private readonly Option<string> _peers = Flag.Text(
        "--peers", "list",
        "At the first start all members, as id@host:port,... or host:port,...; the own entry may be there. "
        + "Later only where they are now. [default: the data folder's, else a cluster of one]", "");

    private readonly Option<string> _join = Flag.Text(
        "--join", "host:port,...",
        "A new data folder asks these members to take the node into their running cluster; later not needed. "
        + "[default: none]", "");

    /// <summary>--join-token-file.</summary>
    public Option<string> JoinTokenFile { get; } = Flag.Text(
        "--join-token-file", "file",
        "A file with the token of kvorum join-token: it brings this node's certificate from the members of "
        + "--join, once, into the data folder, where later starts find it; the environment variable "
        + "KVORUM_JOIN_TOKEN has the token itself. [env: KVORUM_JOIN_TOKEN_FILE] [default: none]", "");

    private readonly Option<bool> _bootstrap = Flag.Switch(
        "--bootstrap",
        "A new data folder founds a cluster of this node alone, as it does without --peers and --join. "
        + "[default: off]");

    private readonly Option<string> _zone = Flag.Text(
        "--zone", "name",
        "What fails together with this node, such as a rack: replicas go to different ones. [default: none]",
        Defaults.Zone);

    private readonly Option<int> _weight = Flag.Number(
        "--weight", "How much the node carries in proportion to the others, 1 to 10000.", Defaults.Weight);

    private readonly Option<int?> _partitions = Flag.OptionalNumber<int>(
        "--partitions",
        "Partitions of the default keyspace; fixed at the first start. "
        + "[default: the data folder's, else 64]");

    private readonly Option<int> _replicas = Flag.Number(
        "--replication-factor", "Replicas of each partition; fixed at the first start.",
        Defaults.ReplicationFactor);

    private readonly Option<int?> _virtualNodes = Flag.OptionalNumber<int>(
        "--virtual-nodes",
        "Virtual nodes of each node on the ring; fixed at the first start. [default: the folder's, else 64]");

    private readonly Option<int?> _loops = Flag.NumberOrAuto<int>(
        "--loops",
        "Node loops, a thread each; auto: half of the processors that the process may use, 1 to 16. "
        + "[default: auto]");

    private readonly Option<Duration> _heartbeat = Flag.Time(
        "--heartbeat",
        "Time between a leader's heartbeats; at most a tenth of --election-timeout-min is wise.",
        Defaults.Heartbeat);

    private readonly Option<Duration> _electionMin = Flag.Time(
        "--election-timeout-min",
        "Least silence of a leader after which an election is sought; a suspect from half of it on.",
        Defaults.ElectionTimeoutMin);

    private readonly Option<Duration> _electionMax = Flag.Time(
        "--election-timeout-max", "Greatest such silence.", Defaults.ElectionTimeoutMax);

    private readonly Option<Duration> _tick = Flag.Time("--tick", "Grain of all Raft times.", Defaults.Tick);

    private readonly Option<Duration> _silence = Flag.Time(
        "--peer-silence", "A peer from which nothing came for so long counts as lost.", Defaults.PeerSilence);

    private readonly Option<Duration> _clockOffset = Flag.Time(
        "--clock-offset-max",
        "By how much the members' wall clocks may differ; a node further from the majority leads nothing "
        + "where another can.", Defaults.ClockOffsetMax);

    private readonly Option<string> _heartbeatInterval = Flag.Foreign(
        "--heartbeat-interval",
        "nodes hear each other all the time. When a silent one counts as lost is --peer-silence; how often "
        + "the leaders of partitions are heard is --heartbeat");

    private readonly Option<string> _kvStore = Flag.Text(
        "--kvstore-keyspace", "name",
        "The keyspace of the gRPC service KVStore; where it is given, NodeInternal is served at --peer-addr. "
        + "[default: default, without NodeInternal]", "");

    private readonly Option<int> _keyBytes =
        Flag.Number(
            "--key-bytes-max", "Bound of a key in bytes; fixed at the first start.",
            Protocol.Limits.KeyBytesMax);

    private readonly Option<int> _valueBytes =
        Flag.Number(
            "--value-bytes-max", "Bound of a value in bytes, at most 8388608; gRPC clients with their "
            + "library's settings cannot read more than the default.", Defaults.ValueBytesMax);

    private readonly Option<string> _keyPolicy = Flag.Word(
        "--key-policy", "binary: any bytes; strict: letters, digits, - _ . / only; fixed at the first start.",
        "binary", "binary", "strict");

    private readonly Option<Duration> _window = Flag.Time(
        "--session-window", "How long a repeated request is recognised.", Defaults.SessionWindow);

    private readonly Option<int> _records = Flag.Number(
        "--session-records", "Requests remembered per partition.", Defaults.SessionRecords);

    private readonly Option<Duration> _syncInterval = Flag.Time(
        "--sync-interval",
        "Keyspaces of mode quorum: how often each two replicas compare what they hold.",
        Defaults.SyncInterval);

    private readonly Option<Duration> _tombstoneMin = Flag.Time(
        "--tombstone-min",
        "Keyspaces of mode quorum: how long a deleted key's tombstone is kept at least, and how long a write "
        + "may be repeated.", Defaults.TombstoneMin);

    private readonly Option<long> _hintBytes = Flag.Number(
        "--hint-bytes-max",
        "Keyspaces of mode quorum: writes kept for nodes that are down, all together; 0: none.",
        Defaults.HintBytesMax);

    private readonly Option<long> _hintBytesPerNode = Flag.Number(
        "--hint-bytes-per-node-max", "The same for one node.", Defaults.HintBytesPerNodeMax);

    private readonly Option<Duration> _quorumClockOffset = Flag.Time(
        "--quorum-clock-offset-max",
        "Keyspaces of mode quorum: a write whose timestamp is further ahead of this node's clock is refused.",
        Defaults.QuorumClockOffsetMax);

    private readonly Option<long> _segment =
        Flag.Number("--segment-bytes", "Size of a log file.", Defaults.SegmentBytes);

    private readonly Option<long> _checkpoint = Flag.Number(
        "--checkpoint-bytes", "Log of a partition after which its data is written out and the log cut.",
        Defaults.CheckpointBytes);

    private readonly Option<long?> _memTables = Flag.OptionalNumber<long>(
        "--memtable-bytes", "Memory for what is written and not yet in tables, all partitions together. "
        + "[default: a sixteenth of what the process may have, 64 MiB to 1 GiB; less below 2 GiB]");

    private readonly Option<long?> _traffic = Flag.OptionalNumber<long>(
        "--traffic-bytes", "Memory for large requests and replies on their way, all clients together. "
        + "[default: a sixteenth of what the process may have, 64 to 192 MiB]");

    private readonly Option<int?> _userConnections = Flag.OptionalNumber<int>(
        "--connections-per-user-max", "Connections of one user at a time, where rights are enforced. "
        + "[default: half of those that the open files suffice for, 1024 at most]");

    private readonly Option<int> _userRequests = Flag.Number(
        "--requests-per-user-max", "Requests of one user under way, where rights are enforced.",
        Defaults.RequestsPerUserMax);

    private readonly Option<long?> _userTraffic = Flag.OptionalNumber<long>(
        "--traffic-bytes-per-user-max", "Of --traffic-bytes what one user's large requests may hold, and as "
        + "much its replies, where rights are enforced. [default: a quarter]");

    private readonly Option<long> _snapshotRate = Flag.Rate(
        "--snapshot-rate", "Bytes of snapshots sent to other nodes in a second; none: no bound.",
        Defaults.SnapshotRate);

    private readonly Option<long> _scrubRate = Flag.Rate(
        "--scrub-rate", "Bytes of tables read in a second to find damage; none: do not look for it.",
        Defaults.ScrubRate);

    private readonly Option<long> _rewriteRate = Flag.Rate(
        "--rewrite-rate",
        "Bytes of tables written anew in a second after the encryption has changed; none: no bound.",
        Defaults.RewriteRate);

    private readonly Option<string> _compression = Flag.Word(
        "--compression", "lz4: blocks of new tables are compressed where that saves an eighth.",
        Defaults.Compression, "none", "lz4");

    private readonly Option<Duration> _shutdown = Flag.Time(
        "--shutdown-timeout", "How long a clean end may take.", Defaults.ShutdownTimeout);

    private readonly Option<Duration> _rightsGrace = Flag.Time(
        "--rights-grace",
        "How long a node that does not hear the metadata group goes on with the rights that it knows.",
        Defaults.RightsGrace);

    private readonly Option<Duration> _portWait = Flag.Time(
        "--port-wait", "How long to wait for ports that are in use.", Defaults.PortWait);

    private readonly Option<string> _tlsCert = Flag.Text(
        "--tls-cert", "file",
        "The node's certificate in PEM, as kvorum cert node makes it: with it, --tls-key and --tls-ca every "
        + "listener takes TLS only. [default: no TLS]", "");

    private readonly Option<string> _tlsKey = Flag.Text(
        "--tls-key", "file", "The certificate's private key in PEM. [default: none]", "");

    private readonly Option<string> _tlsCa = Flag.Text(
        "--tls-ca", "file",
        "The CAs, in PEM, that sign the certificates of nodes and clients. [default: none]", "");

    private readonly Option<string> _tlsCrl = Flag.Text(
        "--tls-crl", "file",
        "Their lists of revoked certificates, in PEM, as kvorum cert revoke makes them. [default: none]", "");

    private readonly Option<string> _tlsClientAuth = Flag.Word(
        "--tls-client-auth",
        "require: clients must show a certificate; request: one that they show must be good; none: they are "
        + "not asked. Nodes always must.", Defaults.TlsClientAuth, "none", "request", "require");

    private readonly Option<bool> _insecure = Flag.Switch(
        "--insecure",
        "Take plain connections from other machines, too; with TLS, beside it: to switch a cluster over node "
        + "by node. [default: off]");

    private readonly Option<string> _jwtIssuer = Flag.Text(
        "--jwt-issuer", "text",
        "Whose JSON Web Tokens name clients: their iss. With it go --jwt-audience and --jwt-keys. "
        + "[default: no tokens]", "");

    private readonly Option<string> _jwtAudience = Flag.Text(
        "--jwt-audience", "text", "For whom the tokens are made: their aud. [default: none]", "");

    private readonly Option<string> _jwtKeys = Flag.Text(
        "--jwt-keys", "file|url", "The issuer's public keys: a JWKS file, or its https URL. [default: none]",
        "");

    private readonly Option<string> _jwtAlgorithms = Flag.Text(
        "--jwt-algorithms", "name,...", "Signatures of tokens that are accepted.", Defaults.JwtAlgorithms);

    private readonly Option<Duration> _jwtClockSkew = Flag.Time(
        "--jwt-clock-skew", "By how much the issuer's clock may differ, at most 5m.", Defaults.JwtClockSkew);

    private readonly Option<string> _jwtNameClaim = Flag.Text(
        "--jwt-name-claim", "claim", "The claim of a token that is the client's name.",
        Defaults.JwtNameClaim);

    private readonly Option<string> _jwtRolesClaim = Flag.Text(
        "--jwt-roles-claim", "claim",
        "The claim of a token that lists the client's roles: an array, or a text with spaces between them.",
        Defaults.JwtRolesClaim);

    private readonly Option<string> _auditLog = Flag.Text(
        "--audit-log", "file",
        "Gets who has done what, from where and with which result, a line of JSON each. [default: none]", "");

    /// <summary>--secure.</summary>
    public Option<bool> Secure { get; } = Flag.Switch(
        "--secure",
        "TLS in one step, for a first cluster: makes a CA and certificates of this node and a client in "
        + "./certs, where they are not there yet, and uses them. [default: off]");

    private readonly Option<string> _masterKeyFile = Flag.Text(
        "--master-key-file", "files",
        "Encrypt this node's data folder with the key in this file: 32 bytes in hexadecimal digits or "
        + "base64, readable by the owner only. To replace it, name the new file, a comma, and the old one. "
        + "[default: not encrypted]", Defaults.MasterKeyFile);

    private readonly Option<string> _masterKeyCommand = Flag.Text(
        "--master-key-command", "command",
        "A program that prints the key instead, with its arguments, separated by blanks; run without a "
        + "shell, for 10 s at most. [default: none]", Defaults.MasterKeyCommand);

    private readonly Option<string> _encryption = Flag.Word(
        "--encryption",
        "off: with the key still given, write the folder plain again, in the background.",
        Defaults.Encryption, "on", "off");

    private readonly Option<bool> _leaseReads = Flag.Switch(
        "--lease-reads",
        "Serve lease reads by the leader's lease; give it to all nodes or none, and only where clocks drift "
        + "less than 10 %. [default: off]");

    /// <summary>--log-level.</summary>
    public Option<string> LogLevel { get; } = Flag.Word(
        "--log-level", "Least important lines to log.", "information", "trace", "debug", "information",
        "warning", "error", "critical");

    /// <summary>--scheduling.</summary>
    public Option<string> Scheduling { get; } = Flag.Word(
        "--scheduling",
        "auto: the node's threads queue for a processor instead of interrupting each other, unless others "
        + "keep the processors busy; normal: as the system does it.", "auto", "auto", "normal");

    /// <summary>--until-stdin-ends.</summary>
    public Option<bool> UntilStdinEnds { get; } =
        new("--until-stdin-ends") { Description = "End when standard input does.", Hidden = true };

    public void AddTo(Command command)
    {
        Option[] all =
        [
            _id, _data, _addr, _http, _peer, _peers, _join, JoinTokenFile, _bootstrap, _zone, _weight,
            _advertise, _advertiseHttp, _httpHosts, _advertisePeer,
            _partitions,
            _replicas, _virtualNodes, _loops, _heartbeat, _electionMin, _electionMax, _leaseReads, _tick,
            _silence, _clockOffset, _kvStore, _keyBytes, _valueBytes, _keyPolicy,
            _window, _records, _syncInterval, _tombstoneMin, _hintBytes, _hintBytesPerNode,
            _quorumClockOffset, _segment, _checkpoint, _memTables, _traffic, _userConnections, _userRequests,
            _userTraffic, _snapshotRate, _scrubRate,
            _rewriteRate, _compression,
            _masterKeyFile, _masterKeyCommand, _encryption,
            _shutdown, _rightsGrace, _portWait, _tlsCert, _tlsKey, _tlsCa, _tlsCrl, _tlsClientAuth, _insecure,
            Secure,
            _jwtIssuer, _jwtAudience, _jwtKeys, _jwtAlgorithms, _jwtClockSkew, _jwtNameClaim, _jwtRolesClaim,
            _auditLog,
            Scheduling, LogLevel, _wal, _snapEvery, _heartbeatInterval, UntilStdinEnds,
        ];
        foreach (var option in all)
        {
            var variables = StartVariables.Of(option.Name);
            if (variables.Length > 0)
                option.Description += $" [env: {string.Join(", ", variables)}]";
            command.Options.Add(option);
        }
    }

    /// <summary>True if the flag is on the command line.</summary>
    public static bool IsGiven(ParseResult parsed, string name) =>
        parsed.CommandResult.Command.Options.Single(option => option.Name == name) is var option
        && parsed.GetResult(option) is { Implicit: false };

    public ServerOptions Read(ParseResult parsed) => new()
    {
        Id = parsed.GetValue(_id)!,
        DataFolder = Folder(parsed),
        ClientAddress = parsed.GetValue(_addr)!,
        HttpAddress = parsed.GetValue(_http)!,
        PeerAddress = parsed.GetValue(_peer)!,
        AdvertiseClientAddress = parsed.GetValue(_advertise)!,
        AdvertiseHttpAddress = parsed.GetValue(_advertiseHttp)!,
        HttpHosts = parsed.GetValue(_httpHosts)!,
        AdvertisePeerAddress = parsed.GetValue(_advertisePeer)!,
        Peers = parsed.GetValue(_peers)!,
        Join = parsed.GetValue(_join)!,
        Bootstrap = parsed.GetValue(_bootstrap),
        Zone = parsed.GetValue(_zone)!,
        Weight = parsed.GetValue(_weight),
        Partitions = parsed.GetValue(_partitions),
        ReplicationFactor = parsed.GetValue(_replicas),
        VirtualNodes = parsed.GetValue(_virtualNodes),
        Loops = parsed.GetValue(_loops),
        Heartbeat = parsed.GetValue(_heartbeat).Span,
        ElectionTimeoutMin = parsed.GetValue(_electionMin).Span,
        ElectionTimeoutMax = parsed.GetValue(_electionMax).Span,
        LeaseReads = parsed.GetValue(_leaseReads),
        Tick = parsed.GetValue(_tick).Span,
        PeerSilence = parsed.GetValue(_silence).Span,
        ClockOffsetMax = parsed.GetValue(_clockOffset).Span,
        KvStoreKeyspace = parsed.GetValue(_kvStore)!,
        KeyBytesMax = IsGiven(parsed, _keyBytes) ? parsed.GetValue(_keyBytes) : null,
        ValueBytesMax = parsed.GetValue(_valueBytes),
        KeyPolicy = IsGiven(parsed, _keyPolicy) ? parsed.GetValue(_keyPolicy) : null,
        SessionWindow = parsed.GetValue(_window).Span,
        SessionRecords = parsed.GetValue(_records),
        SyncInterval = parsed.GetValue(_syncInterval).Span,
        TombstoneMin = parsed.GetValue(_tombstoneMin).Span,
        HintBytesMax = parsed.GetValue(_hintBytes),
        HintBytesPerNodeMax = parsed.GetValue(_hintBytesPerNode),
        QuorumClockOffsetMax = parsed.GetValue(_quorumClockOffset).Span,
        SegmentBytes = parsed.GetValue(_segment),
        CheckpointBytes = parsed.GetValue(_checkpoint),
        MemTableBytes = parsed.GetValue(_memTables) ?? 0,
        TrafficBytes = parsed.GetValue(_traffic) ?? 0,
        ConnectionsPerUserMax = Given(parsed, _userConnections),
        RequestsPerUserMax = parsed.GetValue(_userRequests),
        TrafficBytesPerUserMax = Given(parsed, _userTraffic),
        SnapshotRate = parsed.GetValue(_snapshotRate),
        ScrubRate = parsed.GetValue(_scrubRate),
        RewriteRate = parsed.GetValue(_rewriteRate),
        Compression = parsed.GetValue(_compression)!,
        MasterKeyFile = parsed.GetValue(_masterKeyFile)!,
        MasterKeyCommand = parsed.GetValue(_masterKeyCommand)!,
        Encryption = parsed.GetValue(_encryption)!,
        ShutdownTimeout = parsed.GetValue(_shutdown).Span,
        RightsGrace = parsed.GetValue(_rightsGrace).Span,
        PortWait = parsed.GetValue(_portWait).Span,
        TlsCertificate = parsed.GetValue(_tlsCert)!,
        TlsKey = parsed.GetValue(_tlsKey)!,
        TlsAuthorities = parsed.GetValue(_tlsCa)!,
        TlsRevoked = parsed.GetValue(_tlsCrl)!,
        TlsClientAuth = parsed.GetValue(_tlsClientAuth)!,
        Insecure = parsed.GetValue(_insecure),
        JwtIssuer = parsed.GetValue(_jwtIssuer)!,
        JwtAudience = parsed.GetValue(_jwtAudience)!,
        JwtKeys = parsed.GetValue(_jwtKeys)!,
        JwtAlgorithms = parsed.GetValue(_jwtAlgorithms)!,
        JwtClockSkew = parsed.GetValue(_jwtClockSkew).Span,
        JwtNameClaim = parsed.GetValue(_jwtNameClaim)!,
        JwtRolesClaim = parsed.GetValue(_jwtRolesClaim)!,
        AuditLog = parsed.GetValue(_auditLog)!,
    };

    /// <summary>--data, or the folder of --wal if only that was given.</summary>
    private string Folder(ParseResult parsed) =>
        parsed.GetValue(_wal) is { Length: > 0 } wal && !IsGiven(parsed, _data)
        ? Path.GetDirectoryName(wal) is { Length: > 0 } folder ? folder : "."
        : parsed.GetValue(_data)!;

    // What is left out is 0; a 0 that is given is none of the bounds that there may be.
    private static T Given<T>(ParseResult parsed, Option<T?> option) where T : struct, INumber<T> =>
        parsed.GetValue(option) is not { } value ? T.Zero : value == T.Zero ? -T.One : value;

    private static bool IsGiven(ParseResult parsed, Option option) =>
        parsed.GetResult(option) is { Implicit: false };
}
