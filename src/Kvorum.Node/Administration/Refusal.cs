using Kvorum.Node.State;
using Kvorum.Protocol;

namespace Kvorum.Node.Administration;

/// <summary>Answers that need no proposal, with words for an operator.</summary>
internal static class Refusal
{
    /// <summary>It is true already.</summary>
    public static AdminDecision.Answer Already(string message) => Of(ReplyStatus.Ok, message);

    /// <summary>The request itself is wrong.</summary>
    public static AdminDecision.Answer Wrong(string message) => Of(ReplyStatus.InvalidArgument, message);

    /// <summary>As the cluster is, it cannot be.</summary>
    public static AdminDecision.Answer Impossible(string message) => Of(ReplyStatus.ConditionFailed, message);

    /// <summary>The cluster's format version does not have it.</summary>
    public static AdminDecision.Answer LacksFormat(string message) =>
        Impossible(message) with { LacksFormat = true };

    /// <summary>Nobody's name.</summary>
    public static AdminDecision.Answer UnknownMember(string name, MetaMachine state) => Wrong(
        $"no member '{Shown(name)}': the members are {MemberNames.Known(state.Members)}");

    /// <summary>No keyspace's name.</summary>
    public static AdminDecision.Answer UnknownKeyspace(string name, IEnumerable<string> known) => Of(
        ReplyStatus.UnknownKeyspace,
        $"no keyspace '{Shown(name)}': there is {string.Join(", ", known.Select(static one => $"'{one}'"))}");

    /// <summary>What was asked, as an error may repeat it.</summary>
    public static string Shown(string text) => Utf8Text.Message(text, Protocol.Limits.KeyspaceBytesMax);

    private static AdminDecision.Answer Of(ReplyStatus status, string message) =>
        new(AdminReply.Of(status, message));
}
