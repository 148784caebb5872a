using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>What came of a question to one node.</summary>
internal enum AnswerKind : byte
{
    /// <summary>The node answered a request: see <see cref="Answer.Reply"/>.</summary>
    Reply,

    /// <summary>The node answered another question: see <see cref="Answer.Body"/>.</summary>
    Body,

    /// <summary>The question never left: the node cannot be reached.</summary>
    NotSent,

    /// <summary>The connection was lost while the question was under way.</summary>
    Lost,

    /// <summary>No answer came in time.</summary>
    TimedOut,

    /// <summary>The asker took it back.</summary>
    Cancelled,
}

/// <summary>
/// What came of a question to one node, as a value: losing a connection is an everyday event.
/// </summary>
/// <param name="Kind">What came of it.</param>
/// <param name="Reply">The node's answer to a request.</param>
/// <param name="Body">The node's answer to anything else.</param>
/// <param name="Reason">Why there is no answer, for people.</param>
internal readonly record struct Answer(
    AnswerKind Kind, Reply? Reply = null, ReadOnlyMemory<byte> Body = default, string Reason = "");
