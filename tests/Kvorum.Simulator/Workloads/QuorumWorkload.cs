using System.Globalization;
using Kvorum.Protocol;
using Kvorum.Simulator.World;
using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>
/// Keys of a quorum keyspace that are set, some for a time, read and removed; now and then a write that was
/// acknowledged long ago is asked once more, with its ids. Every value is written by one request only. Most
/// writes tell the highest version that the client has seen; some requests ask for a receipt.
/// </summary>
/// <param name="keyspace">The keyspace.</param>
/// <param name="options">What clients do.</param>
/// <param name="habits">Draws what is told and asked for besides.</param>
internal sealed class QuorumWorkload(string keyspace, WorkloadOptions options, RandomStream habits)
    : IWorkload
{
    private const int RepeatedMost = 30;
    private readonly List<Asked> _acknowledged = [];
    private ulong _seen;

    /// <inheritdoc/>
    public Asked Next(int client, ulong request, RandomStream random)
    {
        var asked = Draw(client, request, random);
        var (wantsReceipt, tellsSeen) = (habits.Chance(0.3), habits.Chance(0.7));
        if (_acknowledged.Contains(asked))
            return asked;
        var wanted = asked.Request with { WantsReceipt = wantsReceipt };
        return asked with
        {
            Request = wanted is WriteRequest write && tellsSeen ? write with { After = _seen } : wanted,
        };
    }

    /// <inheritdoc/>
    public void Ended(Asked asked, Reply? reply)
    {
        _seen = Math.Max(_seen, reply?.Version ?? 0);
        if (reply is null || asked.Request is not WriteRequest { ClientId.Length: > 0 }
            || _acknowledged.Contains(asked))
            return;
        if (_acknowledged.Count == RepeatedMost)
            _acknowledged.RemoveAt(0);
        _acknowledged.Add(asked);
    }

    private Asked Draw(int client, ulong request, RandomStream random)
    {
        if (_acknowledged.Count > 0 && random.Chance(0.1))
            return random.Pick(_acknowledged);
        var key = RegisterWorkload.KeyOf(random.Below(options.Registers));
        var draw = random.Below(100);
        if (draw < 45)
        {
            return KeyspaceWorkload.In(keyspace, RegisterWorkload.Read(
                client, key, draw < 5 ? ReadConsistency.Stale : ReadConsistency.Linearizable, random));
        }

        // Without ids a write may be asked only once; what became of it may stay unknown for ever.
        var clientId = random.Chance(0.7) ? RegisterWorkload.ClientId(client) : "";
        return draw < 60
            ? Delete(client, key, clientId, request, random) : Put(client, key, clientId, request, random);
    }

    private Asked Put(int client, string key, string clientId, ulong request, RandomStream random)
    {
        var value = string.Create(CultureInfo.InvariantCulture, $"{client}.{request}");
        var ttlMs = random.Chance(options.MortalShare) ? 1 + (ulong)random.Below(options.TtlMsMax) : 0;
        return new(
            new PutRequest
            {
                Keyspace = keyspace,
                Key = RegisterWorkload.Bytes(key),
                Value = Padding.Pad(value, random.Below(options.ValueBytesMax)),
                ClientId = clientId,
                RequestId = request,
                ReturnPrevious = random.Chance(0.1),
                TtlMs = ttlMs,
            },
            new(client, OperationKind.Put, KeyspaceKey.Of(keyspace, key))
            {
                Request = clientId.Length > 0 ? request : 0,
                Value = value,
                Life = ttlMs > 0 ? TimeSpan.FromMilliseconds(ttlMs) : null,
            });
    }

    private Asked Delete(int client, string key, string clientId, ulong request, RandomStream random) => new(
        new DeleteRequest
        {
            Keyspace = keyspace,
            Key = RegisterWorkload.Bytes(key),
            ClientId = clientId,
            RequestId = request,
            ReturnPrevious = random.Chance(0.1),
        },
        new(client, OperationKind.Delete, KeyspaceKey.Of(keyspace, key))
        {
            Request = clientId.Length > 0 ? request : 0,
        });
}
