using System.Globalization;
using System.Net;
using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Protocol;

namespace Kvorum.Server.Hosting;

/// <summary>
/// What <see cref="ServerOptions"/> must obey. Every sentence names the flag, the value and the remedy.
/// </summary>
internal static class ServerOptionsRules
{
    public static IReadOnlyList<string> Broken(ServerOptions o)
    {
        List<string> broken = [];
        if (o.DataFolder.Length == 0)
            broken.Add("--data is empty: name a folder, such as ./kvorum-data");
        if (!IsName(o.Id))
            broken.Add(
                $"--id '{o.Id}': a name has at most 64 characters and no spaces, '@' or ','; or give a UUID");
        if (!IsName(o.Zone))
            broken.Add($"--zone '{o.Zone}': a name has at most 64 characters and no spaces, '@' or ','");
        Bounded(broken, "--weight", o.Weight, 1, RingMember.WeightMax);
        CheckAddresses(o, broken);
        SecurityRules.Check(o, broken);
        Enrolment.Check(o, broken);
        JwtRules.Check(o, broken);
        CheckJoin(o.JoinList(), broken);
        CheckHttpHosts(o.HttpHostList(), broken);
        Bounded(broken, "--partitions", o.Partitions ?? NodeOptions.PartitionCountDefault, 1, 4096);
        Bounded(broken, "--replication-factor", o.ReplicationFactor, 1, 15);
        Bounded(broken, "--virtual-nodes", o.VirtualNodes ?? NodeOptions.VirtualNodesDefault, 1, 4096);
        Bounded(broken, "--loops", o.Loops ?? 1, 1, 256);
        Bounded(broken, "--key-bytes-max", o.KeyBytesMax ?? 1, 1, Protocol.Limits.KeyBytesMax);
        Bounded(broken, "--value-bytes-max", o.ValueBytesMax, 1, Protocol.Limits.ValueBytesCeiling);
        Bounded(broken, "--session-records", o.SessionRecords, 0, 4_000_000);
        Bounded(broken, "--segment-bytes", o.SegmentBytes, 1 << 20, 1 << 30);
        Bounded(broken, "--checkpoint-bytes", o.CheckpointBytes, 1 << 16, 1L << 40);
        if (o.MemTableBytes != 0)
            Bounded(broken, "--memtable-bytes", o.MemTableBytes, 8 << 20, 1L << 40);
        if (o.TrafficBytes != 0)
            Bounded(broken, "--traffic-bytes", o.TrafficBytes, TrafficRoom.BytesMin, 1L << 40);
        if (o.ConnectionsPerUserMax != 0)
            Bounded(broken, "--connections-per-user-max", o.ConnectionsPerUserMax, 1, 1_000_000);
        Bounded(broken, "--requests-per-user-max", o.RequestsPerUserMax, 1, 10_000_000);
        if (o.TrafficBytesPerUserMax != 0)
            Bounded(broken, "--traffic-bytes-per-user-max", o.TrafficBytesPerUserMax, 1 << 20, 1L << 40);
        // With less, pieces of many transfers at once would come too rarely to keep them alive.
        CheckRate("--snapshot-rate", o.SnapshotRate, 1 << 20, broken);
        CheckRate("--scrub-rate", o.ScrubRate, 64 << 10, broken);
        CheckRate("--rewrite-rate", o.RewriteRate, 64 << 10, broken);
        if (Utf8Text.Problem("--kvstore-keyspace", o.KvStoreKeyspace) is { } problem)
        {
            broken.Add(problem);
        }
        else if (Utf8Text.CountOf(o.KvStoreKeyspace) > Protocol.Limits.KeyspaceBytesMax)
        {
            broken.Add(
                $"--kvstore-keyspace '{o.KvStoreKeyspace}': names of keyspaces have at most "
                + $"{Protocol.Limits.KeyspaceBytesMax} bytes");
        }

        if (o.KeyPolicy is not (null or "binary" or "strict"))
            broken.Add(
                $"--key-policy '{o.KeyPolicy}': it is 'binary' (any bytes) or 'strict' (letters, digits, - "
                + "_ . /)");
        if (o.Encryption is not ("on" or "off"))
            broken.Add($"--encryption '{o.Encryption}': it is 'on' or 'off'");
        if (o.MasterKeyFile.Length > 0 && o.MasterKeyCommand.Length > 0)
            broken.Add("--master-key-file and --master-key-command: give one of them");
        if (o.Encryption == "off" && o.MasterKeyFile.Length == 0 && o.MasterKeyCommand.Length == 0)
            broken.Add(
                "--encryption off needs the master key to read what is encrypted: give --master-key-file or "
                + "--master-key-command, or leave --encryption out");
        if (o.Compression is not ("none" or "lz4"))
            broken.Add($"--compression '{o.Compression}': it is 'none' or 'lz4'");
        CheckTimes(o, broken);
        CheckQuorums(o, broken);
        if (broken.Count == 0)
            broken.AddRange(MemberList.Parse(o).Errors);
        return broken;
    }

    public static IReadOnlyList<string> BrokenWhereNew(ServerOptions o)
    {
        List<string> broken = [];
        string[] ways =
        [
            .. new[] { ("--peers", o.Peers.Length > 0), ("--join", o.JoinList().Length > 0),
                ("--bootstrap", o.Bootstrap) }
                .Where(static way => way.Item2).Select(static way => way.Item1),
        ];
        if (ways.Length > 1)
        {
            broken.Add(
                $"{string.Join(" and ", ways)} exclude each other where --data {o.DataFolder} is new: give "
                + "--join to be taken in by a running cluster, --peers to found one of several nodes, or "
                + "--bootstrap to found one of this node alone");
        }

        if (o.JoinList().Length > 0 && Guid.TryParse(o.Id, out _))
        {
            broken.Add(
                $"--id {o.Id} is a UUID, but a node that joins draws its own: give it a name, or leave --id "
                + "out");
        }

        return broken;
    }

    public static IReadOnlyList<string> Unwise(ServerOptions o)
    {
        List<string> unwise = [];
        if (o.Heartbeat > o.ElectionTimeoutMin / 10)
        {
            unwise.Add(
                $"--heartbeat {Text(o.Heartbeat)} is more than a tenth of --election-timeout-min "
                + $"{Text(o.ElectionTimeoutMin)}: "
                + "a few lost or late heartbeats will start elections");
        }

        unwise.AddRange(SecurityRules.Unwise(o));
        var list = MemberList.Parse(o);
        if (IsLocal(list.PeerAddress) && o.JoinList().FirstOrDefault(static one => !IsLocal(one)) is { } far)
        {
            unwise.Add(
                $"--join {far} is on another machine, but other nodes are told to dial {list.PeerAddress}, "
                + "which only this machine can: give --peer-addr or --advertise-peer-addr an address of this "
                + "machine");
        }

        if (o.QuorumClockOffsetMax < o.ClockOffsetMax)
        {
            unwise.Add(
                $"--quorum-clock-offset-max {Text(o.QuorumClockOffsetMax)} is below --clock-offset-max "
                + $"{Text(o.ClockOffsetMax)}: writes to quorum keyspaces may be refused while the members' "
                + "clocks still agree. Give it at least as much");
        }

        var members = list.Members.Count;
        if (members > 1 && members % 2 == 0)
        {
            unwise.Add(
                $"--peers makes {members} members: an even number tolerates no more failures than "
                + $"{members - 1} "
                + $"({(members - 1) / 2}), and needs one more node for a majority");
        }

        return unwise;
    }

    private static void CheckAddresses(ServerOptions o, List<string> broken)
    {
        (string Flag, string Value)[] listening =
            [("--addr", o.ClientAddress), ("--http-addr", o.HttpAddress), ("--peer-addr", o.PeerAddress)];
        foreach (var (flag, value) in listening)
        {
            if (HostPort.TryParse(value) is null)
                broken.Add(
                    $"{flag} '{value}': give host:port, such as 127.0.0.1:50051, or :50051 for this machine "
                    + $"only{HostPort.Hint(value)}");
        }

        foreach (var (flag, value) in new[]
        {
            ("--advertise-addr", o.AdvertiseClientAddress), ("--advertise-http-addr", o.AdvertiseHttpAddress),
            ("--advertise-peer-addr", o.AdvertisePeerAddress),
        })
        {
            if (value.Length > 0 && !MemberList.IsDialable(value))
                broken.Add(
                    $"{flag} '{value}': give a host and a port that others can dial, such as "
                    + $"node-1.example:50051{HostPort.Hint(value)}");
        }

        foreach (var twins in listening.Where(address => HostPort.TryParse(address.Value)?.Port != 0)
            .GroupBy(address => address.Value))
        {
            if (twins.Count() > 1)
                broken.Add(
                    $"{string.Join(" and ", twins.Select(twin => twin.Flag))} are both '{twins.Key}': give "
                    + "each its own port");
        }
    }

    private static void CheckJoin(string[] addresses, List<string> broken)
    {
        const int most = 64;
        if (addresses.Length > most)
            broken.Add($"--join has {addresses.Length} addresses: give at most {most}");
        foreach (var twins in addresses.CountBy(static address => address).Where(static one => one.Value > 1))
            broken.Add($"--join names the address {twins.Key} {twins.Value} times: name each member once");
        foreach (var address in addresses.Where(static address => !MemberList.IsDialable(address)))
        {
            broken.Add(
                $"--join '{address}': give host:port of members that run, such as 127.0.0.1:60051"
                + HostPort.Hint(address));
        }
    }

    private static bool IsName(string text) => text.Length <= 64
        && !text.Any(static c => char.IsWhiteSpace(c) || char.IsControl(c) || c is '@' or ',');

    // True where only this machine reaches it.
    internal static bool IsLocal(string address) => HostPort.TryParse(address) is var (host, _)
        && (host == "localhost" || (IPAddress.TryParse(host, out var ip) && IPAddress.IsLoopback(ip)));

    private static void CheckHttpHosts(string[] names, List<string> broken)
    {
        const int most = 64;
        if (names.Length > most)
            broken.Add($"--http-host has {names.Length} names: give at most {most}");
        foreach (var name in names.Where(static name => Uri.CheckHostName(name) != UriHostNameType.Dns))
            broken.Add($"--http-host '{name}': give names without a port, such as kv.example,kv-2.example");
    }

    private static void CheckRate(string flag, long rate, long least, List<string> broken)
    {
        const long most = 1L << 40;
        if (rate != 0 && (rate < least || rate > most))
            broken.Add($"{flag} {Text(rate)}: give {Text(least)} to {Text(most)} bytes in a second, or none");
    }

    private static void CheckQuorums(ServerOptions o, List<string> broken)
    {
        Bounded(broken, "--sync-interval", o.SyncInterval, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        Bounded(broken, "--tombstone-min", o.TombstoneMin, TimeSpan.FromSeconds(1), TimeSpan.FromDays(30));
        // A node that restarts begins up to half of it ahead.
        Bounded(broken, "--quorum-clock-offset-max", o.QuorumClockOffsetMax, TimeSpan.FromSeconds(1),
            TimeSpan.FromDays(1));
        Bounded(broken, "--hint-bytes-max", o.HintBytesMax, 0, 1L << 40);
        Bounded(broken, "--hint-bytes-per-node-max", o.HintBytesPerNodeMax, 0, 1L << 40);
        if (o.HintBytesPerNodeMax > o.HintBytesMax)
        {
            broken.Add(
                $"--hint-bytes-per-node-max {Text(o.HintBytesPerNodeMax)} is more than --hint-bytes-max "
                + $"{Text(o.HintBytesMax)}: give at least as much for all nodes as for one");
        }
    }

    private static void CheckTimes(ServerOptions o, List<string> broken)
    {
        Bounded(broken, "--tick", o.Tick, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(1));
        Bounded(broken, "--session-window", o.SessionWindow, TimeSpan.FromSeconds(1), TimeSpan.FromDays(30));
        Bounded(broken, "--rights-grace", o.RightsGrace, TimeSpan.FromSeconds(1), TimeSpan.FromDays(365));
        Bounded(broken, "--shutdown-timeout", o.ShutdownTimeout, TimeSpan.Zero, TimeSpan.FromMinutes(10));
        Bounded(broken, "--port-wait", o.PortWait, TimeSpan.Zero, TimeSpan.FromMinutes(10));
        Bounded(broken, "--peer-silence", o.PeerSilence, TimeSpan.FromMilliseconds(1500),
            TimeSpan.FromMinutes(1));
        // Below, an answer from a busy peer would say too little; above, lives would be off by too much.
        Bounded(broken, "--clock-offset-max", o.ClockOffsetMax, TimeSpan.FromMilliseconds(50),
            TimeSpan.FromMinutes(1));
        Bounded(broken, "--election-timeout-max", o.ElectionTimeoutMax, TimeSpan.FromMilliseconds(1),
            TimeSpan.FromMinutes(1));
        if (o.Heartbeat < o.Tick)
            broken.Add(
                $"--heartbeat {Text(o.Heartbeat)} is shorter than --tick {Text(o.Tick)}: give at least one "
                + "tick");
        if (o.Heartbeat * 2 >= o.ElectionTimeoutMin)
        {
            broken.Add(
                $"--heartbeat {Text(o.Heartbeat)} is not under half of --election-timeout-min "
                + $"{Text(o.ElectionTimeoutMin)}: "
                + "healthy leaders would be deposed. Give a heartbeat of a tenth of it");
        }

        if (o.ElectionTimeoutMin >= o.ElectionTimeoutMax)
        {
            broken.Add(
                $"--election-timeout-min {Text(o.ElectionTimeoutMin)} is not below --election-timeout-max "
                + $"{Text(o.ElectionTimeoutMax)}: candidates would collide for ever. Give a maximum of "
                + "twice the minimum");
        }
    }

    internal static void Bounded<T>(List<string> broken, string flag, T value, T least, T most)
        where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
            broken.Add($"{flag} {Text(value)}: give {Text(least)} to {Text(most)}");
    }

    private static string Text<T>(T value) => value switch
    {
        TimeSpan span when span.TotalMilliseconds < 1000 => Invariant($"{span.TotalMilliseconds:0.###}ms"),
        TimeSpan span => Invariant($"{span.TotalSeconds:0.###}s"),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => $"{value}",
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
