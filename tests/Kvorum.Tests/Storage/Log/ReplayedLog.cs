using System.Text;
using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

/// <summary>What a replay told, group by group, by the rules of <see cref="ILogReplay"/>.</summary>
public sealed class ReplayedLog : ILogReplay
{
    public SortedDictionary<uint, SortedDictionary<ulong, string>> Entries { get; } = [];

    public SortedDictionary<uint, string> States { get; } = [];

    public void Entry(uint group, ulong index, ReadOnlySpan<byte> payload)
    {
        if (!Entries.TryGetValue(group, out var entries))
            Entries[group] = entries = [];
        foreach (var replaced in entries.Keys.Where(key => key >= index).ToArray())
            entries.Remove(replaced);
        entries[index] = Encoding.UTF8.GetString(payload);
    }

    public void State(uint group, ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty)
            States.Remove(group);
        else
            States[group] = Encoding.UTF8.GetString(payload);
    }
}
