using System.Globalization;
using Kvorum.Protocol;
using Kvorum.Simulator.World;
using Kvorum.Verification;

namespace Kvorum.Simulator.Workloads;

/// <summary>
/// One client that counts: it reads a number and writes the next one if no other client did meanwhile, always
/// with ids, so that a retry counts once.
/// </summary>
internal sealed class CounterWorkload(WorkloadOptions options) : IWorkload
{
    private (string Key, long Value, ulong Version)? _read;

    /// <inheritdoc/>
    public Asked Next(int client, ulong request, RandomStream random)
    {
        if (_read is not { } read)
        {
            return RegisterWorkload.Read(
                client, KeyOf(random.Below(options.Counters)), ReadConsistency.Linearizable, random);
        }

        _read = null;
        var next = (read.Value + 1).ToString(CultureInfo.InvariantCulture);
        return new(
            new PutRequest
            {
                Key = RegisterWorkload.Bytes(read.Key),
                Value = RegisterWorkload.Bytes(next),
                ClientId = RegisterWorkload.ClientId(client),
                RequestId = request,
                IfVersion = read.Version,
            },
            new(client, OperationKind.Put, read.Key)
            {
                Request = request,
                Value = next,
                IfVersion = read.Version,
            });
    }

    /// <inheritdoc/>
    public void Ended(Asked asked, Reply? reply)
    {
        if (asked.Invocation.Kind != OperationKind.Get || reply is null)
            return;
        var value = reply.Found ? long.Parse(reply.Value.Span, CultureInfo.InvariantCulture) : 0;
        _read = (asked.Invocation.Key, value, reply.Version);
    }

    /// <summary>Name of a counter.</summary>
    public static string KeyOf(int counter) =>
        string.Create(CultureInfo.InvariantCulture, $"counter-{counter}");
}
