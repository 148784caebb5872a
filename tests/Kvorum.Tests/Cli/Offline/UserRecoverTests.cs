namespace Kvorum.Tests.Cli.Offline;

/// <summary>Three real nodes that enforce rights, and nobody who has a key.</summary>
public sealed class UserRecoverTests : IDisposable
{
    private readonly ServerPlace[] _places = ServerPlace.Free(3);
    private readonly string _work = Directory.CreateTempSubdirectory("kvorum-user-").FullName;
    private readonly KvorumProcess?[] _nodes = new KvorumProcess?[3];

    private string Plan => Path.Combine(_work, "plan.json");

    private string Key => Path.Combine(_work, "ann.key");

    public void Dispose()
    {
        foreach (var node in _nodes)
            node?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        foreach (var place in _places)
            place.Dispose();
        Directory.Delete(_work, recursive: true);
    }

    [Fact(Timeout = 300_000)]
    public async Task A_majority_of_folders_makes_a_new_administrator_and_one_folder_does_not()
    {
        for (var n = 0; n < 3; n++)
            Start(n);
        await AllReady();
        await Eventually.Holds(
            () => KvorumProcess.Run("user", "create", "ops", "--role", "admin", "--addr", _places[0].Addr)
                .GetAwaiter().GetResult().Code == 0,
            seconds: 30);
        await Prints(0, "enforced", "rights", "on", "--force", "--addr", _places[0].Addr);
        await Prints(1, "rights are enforced", "user", "list", "--addr", _places[0].Addr);
        await Prints(
            2, $"kvorum user recover describe: {_places[0].Folder} is in use", "user", "recover", "describe",
            "--data", _places[0].Folder);
        await Stop(0);

        await Prints(
            0, "vote in the metadata group: node-1, node-2, node-3", "user", "recover", "describe", "--data",
            _places[0].Folder);
        await Prints(2, "give what is to be done", PlanOf(0));
        await Prints(2, "go together", [.. PlanOf(0), "--user", "ann"]);
        var said = await Prints(
            0, "user 'ann' gets the role admin", [.. PlanOf(0), "--user", "ann", "--key-out", Key]);
        Assert.Contains("stop at least 2 of node-1, node-2, node-3", said, StringComparison.Ordinal);
        var id = said[(said.IndexOf("--confirm ", StringComparison.Ordinal) + 10)..][..36];
        await Prints(2, "is not", Apply(0, Guid.NewGuid().ToString()));
        await Prints(0, "applied: once 2 of", Apply(0, id));
        await Prints(0, "was applied before", Apply(0, id));

        // One folder is not enough, however long it runs.
        Start(0);
        await _nodes[0]!.Says("1 of the 3 nodes that vote in the metadata group", seconds: 60);
        await Prints(1, "not accepted", "user", "list", "--token-file", Key, "--addr", _places[0].Addr);

        await Stop(1);
        await Prints(0, "applied", Apply(1, id));
        Start(1);
        await _nodes[0]!.Says("of kvorum user recover is done", seconds: 60);
        await _nodes[1]!.Says("of kvorum user recover is done", seconds: 60);
        await Prints(0, "ann", "user", "list", "--token-file", Key, "--addr", _places[2].Addr);
        await Eventually.Holds(() => !File.Exists(Order(0)) && !File.Exists(Order(1)));
        var key = (await File.ReadAllTextAsync(Key, TestContext.Current.CancellationToken)).Trim();
        foreach (var node in _nodes)
            Assert.DoesNotContain(key[24..], node!.Output + node.Errors, StringComparison.Ordinal);
        await Stop(0);
        Assert.Contains(
            "\"action\":\"recover_users\"",
            await File.ReadAllTextAsync(Log(0), TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    private static Task<string> Prints(int code, string words, params string[] args) =>
        PrintsAny(code, words, args);

    private static async Task<string> PrintsAny(int code, string words, string[] args)
    {
        var ran = await KvorumProcess.Run(args);
        Assert.True(
            ran.Code == code && (ran.Output + ran.Errors).Contains(words, StringComparison.Ordinal),
            $"{string.Join(' ', args)}: {ran.Code} {ran.Output}{ran.Errors}");
        return ran.Output;
    }

    private string Order(int n) => Path.Combine(_places[n].Folder, "user-recovery.json");

    private string Log(int n) => Path.Combine(_work, $"audit-{n}.log");

    private string[] PlanOf(int n) =>
        ["user", "recover", "plan", "--data", _places[n].Folder, "--out", Plan];

    private string[] Apply(int n, string id) =>
        ["user", "recover", "apply", "--data", _places[n].Folder, "--plan", Plan, "--confirm", id];

    private void Start(int n) => _nodes[n] = KvorumProcess.Start(
    [
        "start", "--id", $"node-{n + 1}", .. _places[n].Flags, "--partitions", "4", "--audit-log", Log(n),
        "--peers", string.Join(',', _places.Select(static (place, at) => $"node-{at + 1}@{place.PeerAddr}")),
    ]);

    private async Task AllReady()
    {
        foreach (var node in _nodes)
            await node!.Says("is ready", seconds: 60);
    }

    private async Task Stop(int n)
    {
        _nodes[n]!.Terminate();
        Assert.Equal(0, await _nodes[n]!.Exit());
        await _nodes[n]!.DisposeAsync();
        _nodes[n] = null;
    }
}
