using Kvorum.Node.Wire;
using Kvorum.Protocol;

namespace Kvorum.Node.Membership;

/// <summary>One start of a node, as its log tells of it.</summary>
/// <param name="Id">A random number: no two starts have the same.</param>
/// <param name="Began">The newest frame of the log when the node started.</param>
internal readonly record struct LogLife(ulong Id, ulong Began);

/// <summary>How far a log was durable: up to that frame, written in that life.</summary>
internal readonly record struct LogReach(ulong Life, ulong Sequence);

/// <summary>
/// The lives of a log, oldest first: which frames were written after which start. Two copies of one log that
/// went on apart have the same lives up to where they parted and different ones behind, because each start
/// adds one. Immutable. As bytes, little endian:
/// <code>
/// lives = count:u32 (id:u64 began:u64){count}
/// </code>
/// </summary>
internal sealed class LogLives
{
    private readonly LogLife[] _lives;

    private LogLives(LogLife[] lives) => _lives = lives;

    /// <summary>Those of a log in which no node has started.</summary>
    public static LogLives None { get; } = new([]);

    /// <summary>How many are known.</summary>
    public int Count => _lives.Length;

    /// <summary>The newest one: the present life of a node that runs.</summary>
    public LogLife Newest => _lives.Length > 0 ? _lives[^1] : default;

    /// <summary>These and a newer one; beyond the bound the oldest are forgotten.</summary>
    public LogLives With(LogLife newest) =>
        new([.. _lives.Skip(_lives.Length + 1 - Limits.LogLivesMax), newest]);

    /// <summary>
    /// True if a log with these lives, that is durable up to a frame, has all that it had when it reached as
    /// far as it is remembered. Where that is older than the oldest life that is known, it cannot be told.
    /// </summary>
    public bool Hold(LogReach remembered, ulong durable)
    {
        var at = Array.FindIndex(_lives, life => life.Id == remembered.Life);
        if (at >= 0)
            return remembered.Sequence <= (at + 1 < _lives.Length ? _lives[at + 1].Began : durable);
        return _lives.Length == Limits.LogLivesMax && remembered.Sequence <= _lives[0].Began;
    }

    /// <summary>Adds the bytes.</summary>
    public void Encode(ByteWriter into)
    {
        into.U32((uint)_lives.Length);
        foreach (var life in _lives)
        {
            into.U64(life.Id);
            into.U64(life.Began);
        }
    }

    /// <summary>Reads the bytes.</summary>
    public static LogLives Decode(ref ByteReader from)
    {
        var count = from.U32();
        if (count > Limits.LogLivesMax)
            throw new FormatException($"{count} lives of a log");
        var lives = new LogLife[count];
        for (var i = 0; i < lives.Length; i++)
            lives[i] = new(from.U64(), from.U64());
        return new(lives);
    }
}
