using System.Globalization;
using Kvorum.Storage.Lsm;

namespace Kvorum.Benchmarks;

/// <summary>What to measure.</summary>
internal sealed record BenchmarkOptions
{
    /// <summary>How the program is called.</summary>
    public const string Usage =
        "Kvorum.Benchmarks tables|tree|open|rocksdb [--keys N] [--threads N] [--seconds S] [--cache-mb N] " +
        "[--compression none|lz4] [--encryption on|off] " +
        "--folder DIR";

    /// <summary>Which benchmark.</summary>
    public required string Command { get; init; }

    /// <summary>Where files go: a folder of its own, which is not there yet.</summary>
    public required string Folder { get; init; }

    /// <summary>Number of keys.</summary>
    public long Keys { get; init; } = 1_000_000;

    /// <summary>Threads that read or write.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>How long each timed measurement runs.</summary>
    public double Seconds { get; init; } = 4;

    /// <summary>Bytes of the block cache.</summary>
    public long CacheBytes { get; init; } = 1L << 30;

    /// <summary>How blocks of tables are stored.</summary>
    public BlockCompression Compression { get; init; }

    /// <summary>True if files are encrypted.</summary>
    public bool IsEncrypted { get; init; }

    /// <summary>
    /// Reads the command line; throws <see cref="FormatException"/> on what it does not know.
    /// </summary>
    public static BenchmarkOptions Parse(string[] args)
    {
        if (args.Length % 2 == 0 || args[0] is not ("tables" or "tree" or "open" or "rocksdb"))
            throw new FormatException("a command, then names and values");
        var options = new BenchmarkOptions { Command = args[0], Folder = "" };
        for (var i = 1; i < args.Length; i += 2)
            options = options.With(args[i], args[i + 1]);
        if (options.Folder.Length == 0 || Directory.Exists(options.Folder))
            throw new FormatException("--folder must name a folder that is not there yet");
        return options;
    }

    private BenchmarkOptions With(string name, string value) => name switch
    {
        "--folder" => this with { Folder = value },
        "--keys" => this with { Keys = long.Parse(value, CultureInfo.InvariantCulture) },
        "--threads" => this with { Threads = int.Parse(value, CultureInfo.InvariantCulture) },
        "--seconds" => this with { Seconds = double.Parse(value, CultureInfo.InvariantCulture) },
        "--cache-mb" => this with { CacheBytes = long.Parse(value, CultureInfo.InvariantCulture) << 20 },
        "--compression" when value is "none" or "lz4" => this with
        {
            Compression = value == "lz4" ? BlockCompression.Lz4 : BlockCompression.None,
        },
        "--encryption" when value is "on" or "off" => this with { IsEncrypted = value == "on" },
        _ => throw new FormatException($"no option {name} {value}"),
    };
}
