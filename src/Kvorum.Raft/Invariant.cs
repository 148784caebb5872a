using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Kvorum.Raft;

/// <summary>
/// Checks that stay on in production: a replica that contradicts itself must stop before it can harm the
/// group's data. A failed check is a programming error here or in the host. Storage has a class like this:
/// the two projects share no code.
/// </summary>
internal static class Invariant
{
    /// <summary>
    /// Throws <see cref="InvariantException"/> if <paramref name="condition"/> does not hold.
    /// </summary>
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

/// <summary>The core is in a state that must not occur; the replica stops.</summary>
public sealed class InvariantException(string message) : InvalidOperationException(message);
