using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Kvorum.Server.Access.Jwt;
using Kvorum.Server.Certificates;
using Kvorum.Server.Machine;
using Kvorum.Server.Peers;
using Kvorum.Storage.Lsm;

namespace Kvorum.Server.Hosting;

/// <summary>
/// All settings of a server, with the defaults of <c>kvorum start</c>. <see cref="Validate"/> finds
/// everything that is wrong without touching the machine.
/// </summary>
public sealed record ServerOptions
{
    /// <summary>
    /// --id: the node's unique name, or its UUID. Empty: the one the data folder knows, else a new one.
    /// </summary>
    public string Id { get; init; } = "";

    /// <summary>--data: the folder that holds everything the node stores; made if it is not there.</summary>
    public string DataFolder { get; init; } = "./kvorum-data";

    /// <summary>--addr: where clients are served (gRPC and the native protocol).</summary>
    public string ClientAddress { get; init; } = "127.0.0.1:50051";

    /// <summary>--http-addr: where HTTP is served.</summary>
    public string HttpAddress { get; init; } = "127.0.0.1:8080";

    /// <summary>--peer-addr: where other nodes are served.</summary>
    public string PeerAddress { get; init; } = "127.0.0.1:60051";

    /// <summary>
    /// --advertise-addr: what clients are told to dial; empty for <see cref="ClientAddress"/>.
    /// </summary>
    public string AdvertiseClientAddress { get; init; } = "";

    /// <summary>
    /// --advertise-http-addr: what people and probes are told; empty for <see cref="HttpAddress"/>.
    /// </summary>
    public string AdvertiseHttpAddress { get; init; } = "";

    /// <summary>
    /// --http-host: names, separated by commas, under which HTTP clients ask for this node, beside localhost,
    /// addresses, the machine's and the node's name, and the host of <see cref="AdvertiseHttpAddress"/>.
    /// Under any other name a request is refused: it may come from a web page.
    /// </summary>
    public string HttpHosts { get; init; } = "";

    /// <summary>
    /// --advertise-peer-addr: what other nodes are told to dial; empty for the own entry of
    /// <see cref="Peers"/> or <see cref="PeerAddress"/>.
    /// </summary>
    public string AdvertisePeerAddress { get; init; } = "";

    /// <summary>
    /// --peers: the members as <c>id@host:port</c> or <c>host:port</c>, separated by commas; empty for those
    /// of the data folder, or for a cluster of one. Later starts only learn from it where members are.
    /// </summary>
    public string Peers { get; init; } = "";

    /// <summary>
    /// --join: addresses of members, <c>host:port</c> separated by commas, that a new data folder asks to be
    /// taken in; a folder that belongs to a cluster asks none. A new folder takes this,
    /// <see cref="Peers"/> or <see cref="Bootstrap"/>.
    /// </summary>
    public string Join { get; init; } = "";

    /// <summary>
    /// --join-token-file: what brings this node's certificate, where the data folder has none; null for none.
    /// </summary>
    public JoinToken? JoinToken { get; init; }

    /// <summary>
    /// --bootstrap: a new data folder founds a cluster of this node alone, which is what it does without
    /// <see cref="Peers"/> and <see cref="Join"/> too, but said.
    /// </summary>
    public bool Bootstrap { get; init; }

    /// <summary>--zone: what fails together with this node; empty: it is in none.</summary>
    public string Zone { get; init; } = "";

    /// <summary>--weight: how much the node carries in proportion to the others.</summary>
    public int Weight { get; init; } = RingMember.Ordinary;

    /// <summary>
    /// --partitions of the default keyspace, fixed at the first start; null: the data folder's, else 64.
    /// </summary>
    public int? Partitions { get; init; }

    /// <summary>--replication-factor of each partition; fixed at the first start.</summary>
    public int ReplicationFactor { get; init; } = 3;

    /// <summary>
    /// --virtual-nodes of each node on the ring, fixed at the first start; null: the data folder's, else 64.
    /// </summary>
    public int? VirtualNodes { get; init; }

    /// <summary>
    /// --loops: node loops, each a thread of its own, 1 to 256; null: half of the processors that the process
    /// may use, 1 to 16.
    /// </summary>
    public int? Loops { get; init; }

    /// <summary>--heartbeat: time between a leader's signs of life.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// --election-timeout-min: least silence of a leader after which a follower seeks election.
    /// </summary>
    public TimeSpan ElectionTimeoutMin { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>--election-timeout-max: greatest such silence; drawn anew each time.</summary>
    public TimeSpan ElectionTimeoutMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>--lease-reads: serve lease reads by the lease; the same on all nodes.</summary>
    public bool LeaseReads { get; init; }

    /// <summary>
    /// --clock-offset-max: by how much wall clocks may differ and still agree; a node further from the
    /// majority raises an alert, and leads nothing where another can.
    /// </summary>
    public TimeSpan ClockOffsetMax { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>--tick: the grain of all Raft times.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>--peer-silence: a peer from which nothing came for so long counts as lost.</summary>
    public TimeSpan PeerSilence { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// --kvstore-keyspace: the keyspace of the gRPC service KVStore; where it is given, NodeInternal is
    /// served at <see cref="PeerAddress"/>. Empty: the default keyspace, without NodeInternal.
    /// </summary>
    public string KvStoreKeyspace { get; init; } = "";

    /// <summary>--key-bytes-max: bound of a key; null: 4096, and later as at the first start.</summary>
    public int? KeyBytesMax { get; init; }

    /// <summary>
    /// --value-bytes-max: bound of a value that this node takes. Stored values beyond it are read all the
    /// same; a stock gRPC client cannot take more than the default.
    /// </summary>
    public int ValueBytesMax { get; init; } = Protocol.Limits.ValueBytesMax;

    /// <summary>
    /// --key-policy: <c>binary</c> takes any bytes, <c>strict</c> letters, digits and <c>- _ . /</c>; null:
    /// binary, and later as at the first start.
    /// </summary>
    public string? KeyPolicy { get; init; }

    /// <summary>--session-window: how long a repeated request is recognised.</summary>
    public TimeSpan SessionWindow { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>--session-records: requests remembered per partition.</summary>
    public int SessionRecords { get; init; } = 16384;

    /// <summary>--sync-interval: how often each two replicas of a quorum keyspace compare what they hold.
    /// </summary>
    public TimeSpan SyncInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// --tombstone-min: how long a quorum keyspace keeps a tombstone at least, and how long a write may be
    /// repeated with its first version.
    /// </summary>
    public TimeSpan TombstoneMin { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>--hint-bytes-max: hints that this node keeps for nodes that are down, all together.</summary>
    public long HintBytesMax { get; init; } = 1L << 30;

    /// <summary>--hint-bytes-per-node-max: hints that this node keeps for one node that is down.</summary>
    public long HintBytesPerNodeMax { get; init; } = 256L << 20;

    /// <summary>
    /// --quorum-clock-offset-max: how far ahead of this node's clock a timestamp of a quorum keyspace may be.
    /// </summary>
    public TimeSpan QuorumClockOffsetMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>--segment-bytes: size of a log file.</summary>
    public long SegmentBytes { get; init; } = 64 << 20;

    /// <summary>
    /// --checkpoint-bytes: log of a partition after which its data is written out and the log cut.
    /// </summary>
    public long CheckpointBytes { get; init; } = 8 << 20;

    /// <summary>
    /// --memtable-bytes: memory for what is written and not yet in tables, all partitions together. 0: as
    /// <see cref="MemoryPlan"/> has it, a sixteenth of what the process may have, 64 MiB to 1 GiB, and less
    /// where that is little.
    /// </summary>
    public long MemTableBytes { get; init; }

    /// <summary>
    /// --traffic-bytes: memory for large requests on their way in and large replies on their way out, all
    /// clients together. 0: as <see cref="MemoryPlan"/> has it, a sixteenth of what the process may have, 64
    /// to 192 MiB.
    /// </summary>
    public long TrafficBytes { get; init; }

    /// <summary>
    /// --connections-per-user-max: connections of one user at a time, where rights are enforced. 0: half of
    /// those that the process's open files suffice for, 1024 at most.
    /// </summary>
    public int ConnectionsPerUserMax { get; init; }

    /// <summary>
    /// --requests-per-user-max: requests of one user under way, where rights are enforced.
    /// </summary>
    public int RequestsPerUserMax { get; init; } = UserBounds.RequestsDefault;

    /// <summary>
    /// --traffic-bytes-per-user-max: of <see cref="TrafficBytes"/> what one user's large requests may hold,
    /// and as much its replies, where rights are enforced. 0: a quarter.
    /// </summary>
    public long TrafficBytesPerUserMax { get; init; }

    /// <summary>--snapshot-rate: bytes of snapshots sent in a second; 0: no bound.</summary>
    public long SnapshotRate { get; init; } = 64 << 20;

    /// <summary>--scrub-rate: bytes of tables checked in a second; 0: none are.</summary>
    public long ScrubRate { get; init; } = 4 << 20;

    /// <summary>--rewrite-rate: bytes of tables of another key written anew in a second; 0: no bound.
    /// </summary>
    public long RewriteRate { get; init; } = 16 << 20;

    /// <summary>--compression: none or lz4, of blocks of tables on this node's disk.</summary>
    public string Compression { get; init; } = "none";

    /// <summary>
    /// --master-key-file: files with the key that this node's data folder is encrypted with, the newest
    /// first, with commas between; empty: it is plain.
    /// </summary>
    public string MasterKeyFile { get; init; } = "";

    /// <summary>--master-key-command: a program, and its arguments, that prints the key instead.</summary>
    public string MasterKeyCommand { get; init; } = "";

    /// <summary>
    /// --encryption: on, or off, which writes an encrypted folder plain again while the key is still given.
    /// </summary>
    public string Encryption { get; init; } = "on";

    /// <summary>--shutdown-timeout: how long a clean end may take.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// --rights-grace: how long rights are believed while the metadata group is not heard. Beyond, a node
    /// denies every request that takes a right.
    /// </summary>
    public TimeSpan RightsGrace { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// --port-wait: how long a start waits for ports that are in use, all of them together.
    /// </summary>
    public TimeSpan PortWait { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// --tls-cert: the node's certificate in PEM, and those between it and the CA. With it, the key and the
    /// CA every listener takes TLS only.
    /// </summary>
    public string TlsCertificate { get; init; } = "";

    /// <summary>--tls-key: its private key in PEM.</summary>
    public string TlsKey { get; init; } = "";

    /// <summary>--tls-ca: the CAs, in PEM, whose certificates nodes and clients are known by.</summary>
    public string TlsAuthorities { get; init; } = "";

    /// <summary>--tls-crl: their lists of revoked certificates, in PEM or DER; empty for none.</summary>
    public string TlsRevoked { get; init; } = "";

    /// <summary>
    /// --tls-client-auth: whether clients must show a certificate (<c>require</c>), may (<c>request</c>), or
    /// are not asked (<c>none</c>). Nodes always must.
    /// </summary>
    public string TlsClientAuth { get; init; } = "require";

    /// <summary>
    /// --audit-log: the file that gets who has done what, a line of JSON each; empty for none.
    /// </summary>
    public string AuditLog { get; init; } = "";

    /// <summary>
    /// --insecure: plain connections are taken from other machines, too; where there is TLS, beside it, and
    /// nodes that speak none are met plainly.
    /// </summary>
    public bool Insecure { get; init; }

    /// <summary>
    /// --jwt-issuer: whose JSON Web Tokens name clients. It, the audience and the keys go together.
    /// </summary>
    public string JwtIssuer { get; init; } = "";

    /// <summary>--jwt-audience: for whom the tokens are made.</summary>
    public string JwtAudience { get; init; } = "";

    /// <summary>--jwt-keys: the issuer's public keys, a JWKS file or its https URL.</summary>
    public string JwtKeys { get; init; } = "";

    /// <summary>--jwt-algorithms: the signatures that are accepted, separated by commas.</summary>
    public string JwtAlgorithms { get; init; } = JwtOptions.AlgorithmsDefault;

    /// <summary>--jwt-clock-skew: by how much the issuer's clock may differ.</summary>
    public TimeSpan JwtClockSkew { get; init; } = JwtOptions.ClockSkewDefault;

    /// <summary>--jwt-name-claim: the claim of a token that is the client's name.</summary>
    public string JwtNameClaim { get; init; } = JwtOptions.NameClaimDefault;

    /// <summary>--jwt-roles-claim: the claim of a token that lists the client's roles.</summary>
    public string JwtRolesClaim { get; init; } = JwtOptions.RolesClaimDefault;

    /// <summary>
    /// Everything that is wrong, one sentence each with flag, value and remedy; empty if nothing is.
    /// </summary>
    public IReadOnlyList<string> Validate() => ServerOptionsRules.Broken(this);

    /// <summary>
    /// What is wrong where the data folder is new, as for <see cref="Validate"/>: later it is not looked at.
    /// </summary>
    internal IReadOnlyList<string> ValidateNew() => ServerOptionsRules.BrokenWhereNew(this);

    /// <summary>What works but is unwise, one sentence each.</summary>
    public IReadOnlyList<string> Warnings() => ServerOptionsRules.Unwise(this);

    /// <summary>
    /// Loops for so many processors: half of them, because the kernel's network code, syncs of the log,
    /// compactions and front ends need the others.
    /// </summary>
    internal static int LoopsFor(int processors) => Math.Clamp(processors / 2, 1, 16);

    /// <summary>The node's settings, once its identity is known.</summary>
    internal NodeOptions ForNode(PeerHello self, IReadOnlyList<MemberSeed> members, MemoryPlan plan) => new()
    {
        Self = self,
        Members = members,
        Join = JoinList(),
        Zone = Zone,
        Weight = Weight,
        PartitionCount = Partitions,
        ReplicationFactor = ReplicationFactor,
        VirtualNodes = VirtualNodes,
        Loops = Loops ?? LoopsFor(Environment.ProcessorCount),
        TickMs = (int)Tick.TotalMilliseconds,
        HeartbeatMs = (int)Heartbeat.TotalMilliseconds,
        ElectionTimeoutMinMs = (int)ElectionTimeoutMin.TotalMilliseconds,
        ElectionTimeoutMaxMs = (int)ElectionTimeoutMax.TotalMilliseconds,
        LeaseReads = LeaseReads,
        ClockOffsetMaxMs = (int)ClockOffsetMax.TotalMilliseconds,
        KeyBytesMax = KeyBytesMax,
        ValueBytesMax = ValueBytesMax,
        KeyPolicy = KeyPolicy,
        SessionWindowMs = (long)SessionWindow.TotalMilliseconds,
        SessionRecordsMax = SessionRecords,
        SyncIntervalMs = (long)SyncInterval.TotalMilliseconds,
        TombstoneMinMs = (long)TombstoneMin.TotalMilliseconds,
        HintBytesMax = HintBytesMax,
        HintBytesPerNodeMax = HintBytesPerNodeMax,
        VersionOffsetMaxMs = (long)QuorumClockOffsetMax.TotalMilliseconds,
        SegmentBytes = SegmentBytes,
        CheckpointLogBytes = CheckpointBytes,
        MemTableBytes = MemTableBytes > 0 ? MemTableBytes : plan.MemTableBytes,
        BlockCacheBytes = plan.BlockCacheBytes,
        LogWriteBytesMax = plan.LogWriteBytes,
        LogQueuedBytesMax = plan.LogQueueBytes,
        TrailingLogBytes = plan.TrailingLogBytes,
        WantedLogBytes = plan.WantedLogBytes,
        SnapshotBytesPerSecond = SnapshotRate,
        ScrubBytesPerSecond = ScrubRate,
        RewriteBytesPerSecond = RewriteRate,
        Compression = Compression == "lz4" ? BlockCompression.Lz4 : BlockCompression.None,
    };

    /// <summary>The names under which HTTP clients may ask for the node.</summary>
    internal IReadOnlyList<string> HostNames(string nodeName) =>
    [
        nodeName, Environment.MachineName,
        .. new[] { HttpAddress, AdvertiseHttpAddress }
            .Select(static address => HostPort.TryParse(address)?.Host ?? "")
            .Where(static host => host.Length > 0),
        .. HttpHostList(),
    ];

    /// <summary><see cref="HttpHosts"/>, one by one.</summary>
    internal string[] HttpHostList() =>
        HttpHosts.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary><see cref="Join"/>, one by one.</summary>
    internal string[] JoinList() =>
    [
        .. Join.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(Endpoints.Spelled),
    ];

    /// <summary>True if there is TLS.</summary>
    internal bool HasTls => TlsCertificate.Length > 0;

    /// <summary>
    /// The transport's settings. A TLS handshake of two nodes that both start takes its time.
    /// </summary>
    internal TransportOptions ForTransport(MemoryPlan memory) => new()
    {
        SilenceMax = PeerSilence,
        QueueBytesMax = memory.PeerQueueBytes,
        ConnectTimeout = TimeSpan.FromSeconds(HasTls ? 4 : 2),
    };
}
