using Kvorum.Benchmarks;
using Kvorum.Benchmarks.RocksDB;

BenchmarkOptions options;
try
{
    options = BenchmarkOptions.Parse(args);
}
catch (FormatException error)
{
    Console.Error.WriteLine($"{error.Message}\nusage: {BenchmarkOptions.Usage}");
    return 2;
}

try
{
    if (options.Command == "tables")
    {
        using var tables = new TableBenchmark(options);
        foreach (var result in tables.Run())
            Console.Out.WriteLine(result.ToJson());
    }
    else if (options.Command == "open")
    {
        foreach (var result in new OpenBenchmark(options).Run())
            Console.Out.WriteLine(result.ToJson());
    }
    else
    {
        using IMeasuredStore store =
            options.Command == "rocksdb" ? new RocksBenchmark(options) : new TreeBenchmark(options);
        foreach (var result in BenchmarkRun.Whole(options, store))
            Console.Out.WriteLine(result.ToJson());
    }

    return 0;
}
finally
{
    if (Directory.Exists(options.Folder))
        Directory.Delete(options.Folder, recursive: true);
}
