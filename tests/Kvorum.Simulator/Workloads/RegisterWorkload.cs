using System.Globalization;
using System.Text;
using Kvorum.Protocol;
using Kvorum.Simulator.World;
using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>
/// Keys all over the partitions that are set, some for a time, read, removed, and compared with the version
/// last seen; every value is written once.
/// </summary>
internal sealed class RegisterWorkload(WorkloadOptions options, bool leaseReads, bool onlyReads = false)
    : IWorkload
{
    private readonly SortedDictionary<string, ulong> _seen = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public Asked Next(int client, ulong request, RandomStream random)
    {
        var key = KeyOf(random.Below(options.Registers));
        if (onlyReads)
        {
            var consistency = leaseReads ? ReadConsistency.Lease : ReadConsistency.Linearizable;
            return Read(client, key, consistency, random);
        }

        var draw = random.Below(100);
        if (draw < 45)
            return Read(client, key, draw < 5 ? ReadConsistency.Stale
                : draw < 35 && leaseReads ? ReadConsistency.Lease : ReadConsistency.Linearizable, random);
        // Without ids a write may be asked only once; what became of it may stay unknown for ever.
        var clientId = random.Chance(0.7) ? ClientId(client) : "";
        ulong? ifVersion = random.Chance(0.3) ? _seen.GetValueOrDefault(key) : null;
        var returnsPrevious = random.Chance(0.2);
        if (draw < 55)
            return Delete(client, key, clientId, request, ifVersion, returnsPrevious, random);
        var value = string.Create(CultureInfo.InvariantCulture, $"{client}.{request}");
        return new(
            new PutRequest
            {
                Key = Bytes(key),
                Value = Padding.Pad(value, random.Below(options.ValueBytesMax)),
                ClientId = clientId,
                RequestId = request,
                IfVersion = ifVersion,
                ReturnPrevious = returnsPrevious,
                NoRedirect = random.Chance(0.2),
                TtlMs = random.Chance(options.MortalShare) ? 1 + (ulong)random.Below(options.TtlMsMax) : 0,
            },
            new(client, OperationKind.Put, key)
            {
                Request = request,
                Value = value,
                IfVersion = ifVersion,
                ReturnsPrevious = returnsPrevious,
            });
    }

    /// <inheritdoc/>
    public void Ended(Asked asked, Reply? reply)
    {
        if (reply is not null)
            _seen[asked.Invocation.Key] = reply.Version;
    }

    /// <summary>Name of a register.</summary>
    public static string KeyOf(int register) =>
        string.Create(CultureInfo.InvariantCulture, $"register-{register}");

    /// <summary>What a client calls itself.</summary>
    public static string ClientId(int client) =>
        string.Create(CultureInfo.InvariantCulture, $"client-{client}");

    /// <summary>A key or value as bytes.</summary>
    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>A key as text.</summary>
    public static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    /// <summary>A read as the history has it.</summary>
    public static Asked Read(int client, string key, ReadConsistency consistency, RandomStream random) => new(
        new GetRequest { Key = Bytes(key), Consistency = consistency, NoRedirect = random.Chance(0.1) },
        new(client, OperationKind.Get, key));

    private static Asked Delete(
        int client, string key, string clientId, ulong request, ulong? ifVersion, bool returnsPrevious,
        RandomStream random) => new(
        new DeleteRequest
        {
            Key = Bytes(key),
            ClientId = clientId,
            RequestId = request,
            IfVersion = ifVersion,
            ReturnPrevious = returnsPrevious,
            NoRedirect = random.Chance(0.2),
        },
        new(client, OperationKind.Delete, key)
        {
            Request = request,
            IfVersion = ifVersion,
            ReturnsPrevious = returnsPrevious,
        });
}
