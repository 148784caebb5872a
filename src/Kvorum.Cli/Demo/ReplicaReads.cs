using System.Collections.Concurrent;
using Kvorum.Cli.Administration;
using Kvorum.Cli.CommandLine;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Cli.Demo;

/// <summary>What a replica must have.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">Its value, unless a newer one is there.</param>
/// <param name="Version">The version.</param>
internal readonly record struct DueRecord(string Key, string Value, ulong Version);

/// <summary>
/// Reads of single replicas of a quorum keyspace: each is asked on its own node, for its own copy alone, so
/// that a read neither is helped by other replicas nor repairs anything.
/// </summary>
/// <param name="keyspace">The keyspace.</param>
/// <param name="replicas">The names of the nodes that hold each partition.</param>
internal sealed class ReplicaReads(string keyspace, IReadOnlyList<IReadOnlyList<string>> replicas)
{
    private const int ReadsAtOnce = 32;

    /// <summary>Its partitions.</summary>
    public int Partitions => replicas.Count;

    /// <summary>As the cluster places the keyspace now.</summary>
    public static async Task<ReplicaReads> Of(DemoServer server, string keyspace, CancellationToken cancel)
    {
        await using var client = DemoSteps.Connect(server);
        var (reply, _) = await AdminCall.Ask(client, new ShowPartitions(keyspace), cancel)
            .ConfigureAwait(false);
        AdminCall.ThrowUnlessOk(reply);
        return new(keyspace,
            [.. reply.Partitions!.OrderBy(static one => one.Partition).Select(static one => one.Voters)]);
    }

    /// <summary>The partition of a key.</summary>
    public int PartitionOf(string key) =>
        (int)KeySlot.PartitionOf(KeySlot.Of(Bytes.Of(key)), replicas.Count);

    /// <summary>
    /// Waits until each of the nodes that holds a record has it, or a newer one, on its own disk. How many
    /// copies that were.
    /// </summary>
    public async Task<int> Arrive(
        IEnumerable<DueRecord> records, IReadOnlyList<DemoServer> nodes, TimeSpan patience,
        CancellationToken cancel)
    {
        var left = records.SelectMany(one =>
            nodes.Where(node => Holds(node, one.Key)).Select(node => (one, node))).ToArray();
        var count = left.Length;
        var why = "";
        await DemoSteps.Until("all copies are there", patience, async () =>
        {
            var missing = new ConcurrentBag<(DueRecord, DemoServer)>();
            await using var client = KvorumClient.Connect(new()
            {
                Addresses = [.. nodes.Select(static node => node.Address)],
                Name = "kvorum-demo",
                Tls = nodes[0].Security?.Tls,
            });
            await Parallel.ForEachAsync(
                left,
                new ParallelOptions { MaxDegreeOfParallelism = ReadsAtOnce, CancellationToken = cancel },
                async (copy, _) =>
                {
                    var (due, node) = copy;
                    if (await Missing(client, node, due, cancel).ConfigureAwait(false) is not { } what)
                        return;
                    missing.Add(copy);
                    why = $"{missing.Count} of {count} are not, such as {due.Key} on {node.Name}: {what}";
                }).ConfigureAwait(false);
            left = [.. missing];
            return left.Length == 0;
        }, cancel, () => why).ConfigureAwait(false);
        return count;
    }

    private bool Holds(DemoServer node, string key) => replicas[PartitionOf(key)].Contains(node.Name);

    private async Task<string?> Missing(
        KvorumClient client, DemoServer node, DueRecord due, CancellationToken cancel)
    {
        var request = new GetRequest
        {
            Keyspace = keyspace,
            Key = Bytes.Of(due.Key),
            Quorum = QuorumLevel.One,
            WantsReceipt = true,
        };
        var reply = await client.AskNodeAsync(node.Address, request, null, cancel).ConfigureAwait(false);
        if (reply.Status != ReplyStatus.Ok)
            return $"{reply.Status}: {reply.Message}";
        if (reply.Receipt is not { Nodes: [var asked] } || asked != node.Name)
            return $"its answer is that of {string.Join(", ", reply.Receipt?.Nodes ?? [])}";
        if (!reply.Found || reply.Version < due.Version)
            return $"version {reply.Version}, acknowledged {due.Version}";
        return reply.Version > due.Version || reply.Value.Span.SequenceEqual(Bytes.Of(due.Value))
            ? null : $"another value of version {reply.Version} than was acknowledged";
    }
}
