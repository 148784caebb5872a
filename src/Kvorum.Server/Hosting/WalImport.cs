using Kvorum.Node.Export;
using Kvorum.Protocol;
using Kvorum.Storage.Files;

namespace Kvorum.Server.Hosting;

/// <summary>
/// Makes a new data folder of a cluster of one from a plain write-ahead log, by writing its operations in
/// their order, as a client would. The file is read to its end before anything is made, the folder is built
/// beside its place under another name, and it comes under its own name when all is in it and durable: there
/// is all of it or nothing.
/// </summary>
public static class WalImport
{
    private const int BatchOperations = 1024;
    private const long BatchBytes = 8 << 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Imports; returns the number of records. A <see cref="FormatException"/> names the offset of the first
    /// record that is damaged; a <see cref="ServerStartException"/> says why there can be no folder; an
    /// <see cref="IOException"/> is a failure of the disk. Nothing is left behind in any of these.
    /// </summary>
    /// <param name="file">The log.</param>
    /// <param name="folder">The data folder to make: it is not there, or empty.</param>
    /// <param name="node">What the node is called, and its master key; nothing else is taken.</param>
    /// <param name="cancel">Gives up, and leaves nothing behind.</param>
    public static async Task<long> RunAsync(
        string file, string folder, ServerOptions node, CancellationToken cancel)
    {
        if (folder.Length == 0)
            throw new ServerStartException("--data is empty: name the folder to make");
        var place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var building = $"{place}.importing";
        using var log = OpenLog(file);
        var check = new WalReader(log);
        var valueBytesMax = Protocol.Limits.ValueBytesMax;
        while (check.Next() is { } operation)
        {
            valueBytesMax = Math.Max(valueBytesMax, operation.Value.Length);
            cancel.ThrowIfCancellationRequested();
        }

        CheckFree(place, building);
        try
        {
            var records = await Build(
                new WalReader(log), building, node, valueBytesMax, cancel).ConfigureAwait(false);
            if (Directory.Exists(place))
                Directory.Delete(place);
            Directory.Move(building, place);
            new DiskFileSystem(Path.GetDirectoryName(place)!).SyncFolder("");
            return records;
        }
        catch
        {
            if (Directory.Exists(building))
                Directory.Delete(building, recursive: true);
            throw;
        }
    }

    private static IFile OpenLog(string file)
    {
        if (file.Length == 0)
            throw new ServerStartException("--in is empty: name the log to read");
        var full = Path.GetFullPath(file);
        if (Directory.Exists(full))
            throw new ServerStartException($"{full} is a folder: give --in the log, a file in it perhaps");
        if (!File.Exists(full))
            throw new ServerStartException($"{full}: no such file");
        var files = new DiskFileSystem(Path.GetDirectoryName(full)!);
        try
        {
            return files.Open(Path.GetFileName(full), forWriting: false);
        }
        catch (NotSupportedException)
        {
            throw new ServerStartException($"{full} is no plain file: copy what it holds into one first");
        }
    }

    private static void CheckFree(string place, string building)
    {
        var isTaken = Directory.Exists(place) && Directory.EnumerateFileSystemEntries(place).Any();
        if (isTaken || File.Exists(place))
        {
            throw new ServerStartException(
                $"{place} is not empty: an import only makes a new data folder, it adds to none. Give --data "
                + "another folder, or write the operations to the running cluster as a client.");
        }

        if (Path.Exists(building))
        {
            throw new ServerStartException(
                $"{building} is there: left over from an import that was cut short, or of one that runs. "
                + "Remove it if none runs.");
        }
    }

    private static async Task<long> Build(
        WalReader log, string folder, ServerOptions node, int valueBytesMax, CancellationToken cancel)
    {
        var options = new ServerOptions
        {
            Id = node.Id,
            MasterKeyFile = node.MasterKeyFile,
            MasterKeyCommand = node.MasterKeyCommand,
            DataFolder = folder,
            ClientAddress = "127.0.0.1:0",
            HttpAddress = "127.0.0.1:0",
            PeerAddress = "127.0.0.1:0",
            // What another folder has stored is taken, whatever bound this one will have.
            ValueBytesMax = valueBytesMax,
        };
        await using var server = await KvorumServer.StartAsync(options, null, cancel).ConfigureAwait(false);
        await Ready(server, cancel).ConfigureAwait(false);
        long records = 0;
        long bytes = 0;
        List<Task<Reply>> batch = [];
        while (log.Next() is { } operation)
        {
            // Submitted in order by one caller, and of one loop: a partition gets them in this order.
            batch.Add(server.Node.SubmitAsync(RequestOf(operation), Patience, cancel));
            records++;
            bytes += operation.Key.Length + operation.Value.Length;
            if (batch.Count < BatchOperations && bytes < BatchBytes)
                continue;
            await Done(batch).ConfigureAwait(false);
            bytes = 0;
        }

        await Done(batch).ConfigureAwait(false);
        return records;
    }

    private static async Task Ready(KvorumServer server, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(Patience);
        while (!(await server.StatusAsync().ConfigureAwait(false)).IsReady)
            await Task.Delay(TimeSpan.FromMilliseconds(20), deadline.Token).ConfigureAwait(false);
    }

    private static WriteRequest RequestOf(WalOperation operation) => operation.IsDelete
        ? new DeleteRequest { Key = operation.Key }
        : new PutRequest { Key = operation.Key, Value = operation.Value };

    // A write that failed and was repeated would come behind later ones: all of it is given up instead.
    private static async Task Done(List<Task<Reply>> batch)
    {
        foreach (var reply in await Task.WhenAll(batch).ConfigureAwait(false))
        {
            if (reply.Status != ReplyStatus.Ok)
                throw new IOException($"a record could not be written ({reply.Status}): {reply.Message}");
        }

        batch.Clear();
    }
}
