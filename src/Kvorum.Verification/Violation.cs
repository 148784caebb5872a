namespace Kvorum.Verification;

/// <summary>A history that contradicts a theorem.</summary>
/// <param name="Theorem">The theorem's name.</param>
/// <param name="Key">The key on which it fails.</param>
/// <param name="Text">For people: what is wrong, in some lines, with the operations that show it.</param>
/// <param name="Operations">The operations that show it.</param>
public sealed record Violation(string Theorem, string Key, string Text, IReadOnlyList<Operation> Operations)
{
    /// <summary>The text.</summary>
    public override string ToString() => $"{Theorem}: {Text}";
}
