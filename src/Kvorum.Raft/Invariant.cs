using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Kvorum.Raft;

/// <summary>
/// Checks that stay on in production: a replica that contradicts itself must stop before it can harm the group's data.
/// A failed check is a programmer's error or a host that broke its contract, never an operating error.
/// </summary>
internal static class Invariant
{
    /// <summary>Throws <see cref="InvariantException"/> if <paramref name="condition"/> does not hold.</summary>
    public static void Check(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string text = "",
        [CallerMemberName] string where = "")
    {
        if (!condition) Fail(text, where);
    }

    [DoesNotReturn]
    private static void Fail(string text, string where) =>
        throw new InvariantException($"Invariant broken in {where}: {text}");
}

/// <summary>The core found itself in an impossible state; the replica must not go on.</summary>
public sealed class InvariantException(string message) : InvalidOperationException(message);
