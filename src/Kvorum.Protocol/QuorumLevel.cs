using System.Globalization;

namespace Kvorum.Protocol;

/// <summary>
/// How many replicas a request of a quorum keyspace asks for instead of the keyspace's: of a write, those
/// that must have it on disk; of a read, those that must have answered. A number, or ONE, QUORUM or ALL,
/// which depend on the number of replicas. Whether there are so many is the node's to judge.
/// </summary>
public readonly record struct QuorumLevel
{
    private const byte QuorumCode = 254;
    private const byte AllCode = 255;

    /// <summary>What <see cref="ParseOrNull"/> reads, for people.</summary>
    public const string Forms = "one, quorum, all or a number of replicas";

    private QuorumLevel(byte code) => Code = code;

    /// <summary>One replica.</summary>
    public static QuorumLevel One => new(1);

    /// <summary>More than half of the replicas.</summary>
    public static QuorumLevel Quorum => new(QuorumCode);

    /// <summary>All replicas.</summary>
    public static QuorumLevel All => new(AllCode);

    /// <summary>As it is on the wire: a number up to 253, 254 for QUORUM, 255 for ALL.</summary>
    public byte Code { get; }

    /// <summary>A number of replicas, 0 to 253; the node says which it takes.</summary>
    public static QuorumLevel Count(int replicas) =>
        new((byte)Math.Clamp(replicas, 0, QuorumCode - 1));

    /// <summary>As it came over the wire; any byte is one.</summary>
    public static QuorumLevel OfCode(byte code) => new(code);

    /// <summary>How many replicas that is of <paramref name="replicas"/>.</summary>
    public int Of(int replicas) => Code switch
    {
        QuorumCode => (replicas / 2) + 1,
        AllCode => replicas,
        _ => Code,
    };

    /// <summary>Reads <c>one</c>, <c>quorum</c>, <c>all</c> in any case, or a number; else null.</summary>
    public static QuorumLevel? ParseOrNull(ReadOnlySpan<char> text)
    {
        if (text.Equals("one", StringComparison.OrdinalIgnoreCase)) return One;
        if (text.Equals("quorum", StringComparison.OrdinalIgnoreCase)) return Quorum;
        if (text.Equals("all", StringComparison.OrdinalIgnoreCase)) return All;
        return byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count < QuorumCode ? new(count) : null;
    }

    /// <summary>As <see cref="ParseOrNull"/> reads it.</summary>
    public override string ToString() => Code switch
    {
        1 => "one",
        QuorumCode => "quorum",
        AllCode => "all",
        _ => Code.ToString(CultureInfo.InvariantCulture),
    };
}
