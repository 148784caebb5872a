using Kvorum.Node;
using Kvorum.Node.Membership;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Inspection;

namespace Kvorum.Simulator.Disks;

/// <summary>What the log on a disk says of its node as a whole.</summary>
/// <param name="Lives">Its lives.</param>
/// <param name="Durable">Its newest frame.</param>
/// <param name="Members">What it remembers of the others.</param>
internal sealed record LogFacts(
    LogLives Lives, ulong Durable, IReadOnlyDictionary<NodeId, RememberedMember> Members)
{
    /// <summary>Reads them; null if a start refuses the log.</summary>
    public static LogFacts? Of(IFileSystem files)
    {
        var found = new NodeReplay(new NoReplay());
        try
        {
            var recovery = LogInspector.Replay(files, "log", found);
            return new(found.Lives, recovery.Sequence, found.Members);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private sealed class NoReplay : IGroupReplay
    {
        public void Entry(GroupId group, ulong index, ReadOnlySpan<byte> payload)
        {
        }

        public void State(GroupId group, ReadOnlySpan<byte> payload)
        {
        }
    }
}
