using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Server;

/// <summary>Parts of a <see cref="ClusterReport"/> that are asked for alone, or why they are not there.</summary>
internal static class ClusterParts
{
    /// <summary>A keyspace; null and the refusal if there is none of this name.</summary>
    public static KeyspaceReport? Keyspace(ClusterReport report, string name, out AdminReply refusal)
    {
        refusal = AdminReply.Of(
            ReplyStatus.UnknownKeyspace,
            $"no keyspace '{Utf8Text.Message(name, Limits.KeyspaceBytesMax)}': there is "
                + string.Join(", ", report.Keyspaces.Select(static one => $"'{one.Name}'")));
        return report.Keyspaces.FirstOrDefault(one => one.Name == name);
    }

    /// <summary>The limits of moves; null and the refusal if nobody is there who knows them.</summary>
    public static MoveLimits? MoveLimits(ClusterReport report, out AdminReply refusal)
    {
        refusal = AdminReply.Of(
            ReplyStatus.Unavailable,
            "only the leader of the metadata group knows the limits, and there is none: " + report.Reason);
        return report.Limits;
    }
}
