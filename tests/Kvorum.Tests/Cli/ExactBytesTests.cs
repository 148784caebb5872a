using System.Text.Json;

namespace Kvorum.Tests.Cli;

/// <summary>
/// Keys and values are bytes, on the way in and out. Real processes: only they have arguments of bytes.
/// </summary>
public class ExactBytesTests
{
    [Fact]
    public async Task Keys_and_values_are_exact_bytes_both_ways()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", .. place.Flags]);
        await server.Says("is ready");
        const string ok = "ok=true leader=\"\"\n";
        await Shell.Prints(
            0, ok + ok + ok, "", "k put k\u00e9 1 && k put k\u00e8 2 && k put k\u00ff 3", place.Addr);
        await Shell.Prints(
            0, "key=\"k\\xe8\" value=\"2\"\nkey=\"k\\xe9\" value=\"1\"\nkey=\"k\\xff\" value=\"3\"\n", "",
            "KVORUM_ADDR=$ADDR $K scan --timeout 30s", place.Addr);
        await Shell.Prints(
            0, "value=\"1\"\nvalue=\"2\"\n", "", "k get k\u00e9 && k get --key-base64 a+g=", place.Addr);
        // A replacement character is a key like any other.
        const string replacement = "\u00ef\u00bf\u00bd";
        await Shell.Prints(
            1, $"key \"k{replacement}\" not found\n", "", $"k get k{replacement}", place.Addr);
        await Shell.Prints(0, ok + "value_hex=ff00fe\nvalue_base64=/wD+\nvalue=\"\\xff\\x00\\xfe\"\n", "",
            "k put --key-hex 00ff --value-base64 /wD+ && k get --key-hex 00FF --as hex "
            + "&& k get --key-base64 AP8= --as base64 && k get --key-hex 00ff", place.Addr);
        await Shell.Prints(0, "\u00ff\0\u00fe", "", "k get --raw --key-hex 00ff", place.Addr);
        await Shell.Prints(0, "key_hex=00ff\n" + ok + "key_hex=6be8\nkey_hex=6be9\nkey_hex=6bff\n", "",
            "k scan --as hex --keys-only --end k && k del --key-hex 00ff "
            + "&& k scan --keys-only --as hex --prefix-base64 aw==", place.Addr);
        await Shell.Prints(
            0, "key=\"k\\xe9\"\n", "", "k scan --keys-only --from k\u00e9 --end-hex 6bff", place.Addr);
        // With a word start the program starts itself anew, with the same bytes.
        await Shell.Prints(0, ok + "value=\"\\xff\"\nkey=\"start\"\n", "",
            "k put start \u00ff && k get start && k scan --keys-only --prefix start", place.Addr);
        await Shell.Prints(0, ok + "value=\"x\"\n", "", "k put @home x && k get @home", place.Addr);

        var (code, json, _) = await Shell.Run(
            "k get k\u00e9 --json && k get k\u00e9 --json --as hex", place.Addr);
        Assert.Equal(0, code);
        var lines = json.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        using var plain = JsonDocument.Parse(lines[0]);
        Assert.Equal("a+k=", plain.RootElement.GetProperty("key_base64").GetString());
        Assert.Equal("1", plain.RootElement.GetProperty("value").GetString());
        using var hex = JsonDocument.Parse(lines[1]);
        Assert.Equal("6be9", hex.RootElement.GetProperty("key_hex").GetString());
    }

    [Theory]
    [InlineData(
        "$K put k v --client \u00ff", "kvorum put: --client '\\xff': byte 1 (0xff) is not UTF-8 text\n")]
    [InlineData("$K start --id n\u00e9", "kvorum start: --id 'n\\xe9': byte 2 (0xe9) is not UTF-8 text\n")]
    [InlineData(
        "$K doctor --data ./d\u00e9", "kvorum doctor: --data './d\\xe9': byte 4 (0xe9) is not UTF-8 text\n")]
    [InlineData(
        "$K scan --keyspace \u00ff", "kvorum scan: --keyspace '\\xff': byte 1 (0xff) is not UTF-8 text\n")]
    [InlineData("$K \u00ff", "kvorum: there is no command '\\xff'\n")]
    [InlineData("KVORUM_ADDR=\u00ff:1 $K get k", "kvorum get: KVORUM_ADDR '")]
    public async Task Bytes_where_text_is_meant_are_refused_with_the_byte(string script, string said)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var (code, output, errors) = await Shell.Run(script);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith(said, errors, StringComparison.Ordinal);
    }
}
