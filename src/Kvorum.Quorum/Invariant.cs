using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Kvorum.Quorum;

/// <summary>
/// Checks that stay on in production: a replica that contradicts itself stops before it harms data. A failed
/// check is a programming error. This project refers to no other, so it has its own copy of Kvorum.Raft's.
/// </summary>
internal static class Invariant
{
    /// <summary>
    /// True in tests and the simulator, whose project files set the switch <c>Kvorum.ExpensiveInvariants</c>:
    /// checks that walk over a whole structure run, too. It is fixed at the start, so compiled code has no
    /// trace of such a check where it is false.
    /// </summary>
    public static readonly bool Expensive =
        AppContext.TryGetSwitch("Kvorum.ExpensiveInvariants", out var isOn) && isOn;

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
