using System.Globalization;
using System.Runtime.CompilerServices;

namespace Kvorum.Simulator.World;

/// <summary>How much of a run is shown.</summary>
internal enum Verbosity
{
    /// <summary>The outcome alone.</summary>
    Outcome,

    /// <summary>Faults, starts and ends of processes, elections.</summary>
    Faults,

    /// <summary>Also what clients ask and hear.</summary>
    Clients,

    /// <summary>Also frames, jobs and turns.</summary>
    Everything,
}

/// <summary>
/// What happened, one line an event, and a hash over all of it. The hash is the same whatever is shown: it
/// takes in numbers, the text is only for people.
/// </summary>
internal sealed class Trace(Scheduler scheduler, Verbosity shown, TextWriter? output)
{
    private Fingerprint _hash;

    /// <summary>The hash over all events so far.</summary>
    public ulong Hash => _hash.Value;

    /// <summary>True if lines of this level are printed.</summary>
    public bool Shows(Verbosity level) => level <= shown && output is not null;

    /// <summary>Something happened, told by a number of its kind and one of its content.</summary>
    public void Event(
        Verbosity level, TraceKind kind, int node, ulong content,
        [InterpolatedStringHandlerArgument("", nameof(level))] Line text)
    {
        _hash.Add((ulong)scheduler.NowUs);
        _hash.Add(((ulong)kind << 32) | (uint)node);
        _hash.Add(content);
        if (!Shows(level))
            return;
        var time = string.Create(CultureInfo.InvariantCulture, $"{scheduler.NowUs / 1e6,11:0.000000}");
        var who = node < 0 ? "-" : string.Create(CultureInfo.InvariantCulture, $"node-{node + 1}");
        output!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{time} {who,-7} {text.Take()}"));
    }

    /// <summary>The text of an event, put together only if it is shown.</summary>
    [InterpolatedStringHandler]
    internal ref struct Line
    {
        private DefaultInterpolatedStringHandler _text;
        private readonly bool _isShown;

        public Line(int literal, int holes, Trace trace, Verbosity level, out bool isShown)
        {
            _isShown = isShown = trace.Shows(level);
            if (isShown)
                _text = new(literal, holes, CultureInfo.InvariantCulture);
        }

        public void AppendLiteral(string text) => _text.AppendLiteral(text);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public void AppendFormatted<T>(T value, string format) => _text.AppendFormatted(value, format);

        public string Take() => _isShown ? _text.ToStringAndClear() : "";
    }
}
