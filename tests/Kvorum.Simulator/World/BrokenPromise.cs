using System.Globalization;
using System.Runtime.CompilerServices;

namespace Kvorum.Simulator.World;

/// <summary>
/// The words of a promise that is broken. Most conditions hold, after every turn of every node, and
/// describing a node costs far more than looking at it.
/// </summary>
[InterpolatedStringHandler]
internal ref struct BrokenPromise
{
    private DefaultInterpolatedStringHandler _text;

    /// <param name="literalLength">Characters that stand in the source.</param>
    /// <param name="formattedCount">Values between them.</param>
    /// <param name="condition">What was promised.</param>
    /// <param name="isBroken">Whether the words are needed.</param>
    public BrokenPromise(int literalLength, int formattedCount, bool condition, out bool isBroken)
    {
        isBroken = !condition;
        if (isBroken)
            _text = new(literalLength, formattedCount, CultureInfo.InvariantCulture);
    }

    public void AppendLiteral(string value) => _text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    public string ToStringAndClear() => _text.ToStringAndClear();
}
