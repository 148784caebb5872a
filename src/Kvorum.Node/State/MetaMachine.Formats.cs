using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.State;

/// <summary>The format version that the cluster has: it is raised once all members speak it.</summary>
internal sealed partial class MetaMachine
{
    /// <summary>What all nodes of the cluster write and send, and no newer one. It never goes back.</summary>
    public int ActiveFormat { get; private set; } = FormatRange.First;

    // Only with a list that has every member: one may have joined since it was made.
    private bool SetFormat(int version, ref ByteReader from)
    {
        var speakers = new HashSet<NodeId>();
        while (!from.AtEnd)
            speakers.Add(new(from.U128()));
        if (version <= ActiveFormat
            || !_members.All(one => !one.Value.IsHeard || speakers.Contains(one.Key)))
            return false;
        ActiveFormat = Spoken(version);
        Put(MetaRecords.Format, static _ => { }, value => value.U16((ushort)version));
        // A program that does not speak it must see so at its start.
        IsCheckpointDue = true;
        return true;
    }

    private bool Knows(int format) => format <= _facts.Formats.Newest;

    private KeyspaceSettings Known(KeyspaceSettings settings) =>
        settings.Quorum is null || Knows(FormatRange.Quorums) ? settings
            : throw new FormatException($"a keyspace of the unknown mode '{settings.Mode}'");

    private int Spoken(int version) => _facts.Formats.Has(version) ? version : throw new FormatException(
        $"the cluster has format version {version}, and this program speaks {_facts.Formats}: start the "
        + "kvorum that the other nodes run.");

    private static FormatException UnknownCommand(byte kind) =>
        new($"unknown metadata command kind {kind}: written by a newer version?");

    private static FormatException UnknownRecord(byte kind) =>
        new($"unknown metadata record kind {kind}: written by a newer version?");
}
