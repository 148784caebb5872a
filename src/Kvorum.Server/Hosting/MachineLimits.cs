using Kvorum.Node;
using Kvorum.Server.Access;
using Kvorum.Server.Machine;

namespace Kvorum.Server.Hosting;

/// <summary>
/// What the machine gives a server that starts, and whether that is enough: looked at once, before anything
/// is opened.
/// </summary>
/// <param name="Memory">The memory.</param>
/// <param name="Plan">What each part of the node gets of it.</param>
/// <param name="Descriptors">The file descriptors; null if there is no limit.</param>
internal sealed record MachineLimits(MemoryLimit Memory, MemoryPlan Plan, DescriptorPlan? Descriptors)
{
    // Those of the node, and as many of the runtime as it asks for under load.
    private const int ThreadsMin = 64;

    private const int MembersExpected = 8;

    /// <summary>
    /// Of this process; <see cref="ServerStartException"/> if a node cannot live with them.
    /// </summary>
    public static MachineLimits Of(ServerOptions options)
    {
        var limits = Of(options, MemoryLimit.OfThisProcess(), OpenFiles.Limit, OpenFiles.Count());
        if (ThreadLimit.OfThisProcess() is { } threads && threads.Left < ThreadsMin)
        {
            throw new ServerStartException(
                $"{threads.Source} leaves this process {threads.Left} more threads: a node needs "
                + $"{ThreadsMin}; raise the limit to {threads.Limit - threads.Left + ThreadsMin} at least");
        }

        return limits;
    }

    /// <summary>Of a machine that gives so much.</summary>
    internal static MachineLimits Of(ServerOptions options, MemoryLimit memory, long? descriptors, int open)
    {
        if (memory.Bytes < MemoryPlan.LeastBytes)
        {
            throw new ServerStartException(
                $"{memory.Source} allows {memory.Bytes >> 20} MiB of memory: a node needs "
                + $"{MemoryPlan.LeastBytes >> 20} MiB at least; raise the limit");
        }

        var partitions = options.Partitions ?? NodeOptions.PartitionCountDefault;
        var plan = MemoryPlan.Of(memory.Bytes, partitions);
        if (options.MemTableBytes > plan.MemTableBytesMax)
        {
            throw new ServerStartException(
                $"--memtable-bytes {options.MemTableBytes}: {memory.Source} allows {memory.Bytes >> 20} MiB "
                + $"of memory; give {plan.MemTableBytesMax} at most, or leave it out");
        }

        if (descriptors is not { } limit)
            return new(memory, plan, null);
        // Later starts need no list, and a cluster may grow.
        var members = Math.Max(MembersExpected, options.Peers.Split(',').Length);
        var files = DescriptorPlan.Of(
            limit, open, Tables(options.DataFolder), partitions + 1, members);
        return files.Suffices ? new(memory, plan, files) : throw new ServerStartException(
            $"this process may open {limit} files: a node with the data of {options.DataFolder} needs "
            + $"{files.Least} at least; raise the limit (ulimit -n {files.Least}, LimitNOFILE= of a "
            + "service)");
    }

    /// <summary>Bytes for what all clients' large requests and replies hold.</summary>
    public long TrafficBytesOf(ServerOptions options) => options.TrafficBytes > 0
        ? options.TrafficBytes : Math.Max(Plan.ClientBytes, TrafficRoom.BytesMin);

    /// <summary>
    /// What one user may have. Where the options leave it open, it is so much that as much is left for
    /// others, whatever the machine gives.
    /// </summary>
    public UserBounds UserBoundsOf(ServerOptions options) => new()
    {
        ConnectionsMax = options.ConnectionsPerUserMax > 0 ? options.ConnectionsPerUserMax
            : (int)Math.Min(
                UserBounds.ConnectionsDefault, (Descriptors?.ConnectionsBelow ?? long.MaxValue) / 2),
        RequestsMax = options.RequestsPerUserMax,
        BytesMax = options.TrafficBytesPerUserMax > 0 ? options.TrafficBytesPerUserMax
            : TrafficBytesOf(options) / UserBounds.TrafficShareDefault,
    };

    private static int Tables(string folder)
    {
        var trees = Path.Combine(folder, "trees");
        try
        {
            return Directory.Exists(trees)
                ? Directory.EnumerateFiles(trees, "*.table", SearchOption.AllDirectories).Count() : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0; // The code that opens it reports the error.
        }
    }
}
