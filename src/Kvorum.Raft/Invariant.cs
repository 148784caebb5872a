using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Kvorum.Raft;

/// <summary>
/// Checks of what must hold, in production too: a replica that contradicts itself stops before it can harm
/// data. A failed check is a programming error. Kvorum.Storage refers to no other project, so it has its own
/// copy.
/// </summary>
public static class Invariant
{
    /// <summary>
    /// True in tests and the simulator, whose project files set the switch <c>Kvorum.ExpensiveInvariants</c>:
    /// checks that walk over a whole structure run, too. It is fixed at the start, so compiled code has no
    /// trace of such a check where it is false.
    /// </summary>
    public static readonly bool Expensive =
        AppContext.TryGetSwitch("Kvorum.ExpensiveInvariants", out var isOn) && isOn;

    /// <summary>
    /// Throws <see cref="InvariantException"/> if <paramref name="condition"/> does not hold.
    /// </summary>
    /// <param name="condition">What must hold.</param>
    /// <param name="text">What is wrong if it does not; else its source text.</param>
    /// <param name="where">The member that checks.</param>
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

/// <summary>The program is in a state that must not occur; the replica stops.</summary>
public sealed class InvariantException(string message) : InvalidOperationException(message);
