using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Kvorum.Storage;

/// <summary>
/// Checks that stay on in production: a store whose state contradicts itself stops before it writes. A failed
/// check is a programming error here or in the caller. Raft has a class like this: the two projects share no
/// code.
/// </summary>
internal static class Invariant
{
    /// <summary>Throws <see cref="InvalidOperationException"/> if the condition does not hold.</summary>
    public static void Check(
        [DoesNotReturnIf(false)] bool condition,
        [CallerArgumentExpression(nameof(condition))] string text = "",
        [CallerMemberName] string where = "")
    {
        if (!condition)
            Fail(text, where);
    }

    [DoesNotReturn]
    private static void Fail(string text, string where) =>
        throw new InvalidOperationException($"Invariant broken in {where}: {text}");
}
