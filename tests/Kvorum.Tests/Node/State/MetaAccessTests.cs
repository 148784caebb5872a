using Kvorum.Node;
using Kvorum.Node.Access;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Tests.Node.State.Harness;

namespace Kvorum.Tests.Node.State;

/// <summary>What the metadata group keeps of users, roles and API keys.</summary>
public sealed class MetaAccessTests : IDisposable
{
    private static readonly RoleRecord Clerk = new(
        "clerk", [new("orders", "u:"u8.ToArray(), AccessActions.Read),
            Grant.Everywhere(AccessActions.Status)]);

    private static readonly UserRecord Ann = new("ann", ["clerk", "reader"], IsDisabled: false);
    private static readonly ApiKeyRecord Key = new("0123456789abcdef", "ann", new byte[32], 5, 9);

    private static readonly JoinTokenRecord Token = new(
        "0123456789abcdef", "node-2", new byte[] { 1 }, new byte[] { 2, 3 }, 5, 900);

    private readonly MetaBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void A_start_finds_what_was_decided()
    {
        Assert.True(_bench.Apply(AccessCodec.Encode(Clerk, 5)));
        Assert.True(_bench.Apply(AccessCodec.Encode(Ann, 5)));
        Assert.True(_bench.Apply(AccessCodec.Encode(Key, 5)));
        Assert.True(_bench.Apply(AccessCodec.EncodeEnforced(isOn: true, 5)));
        CheckReloaded();
        Assert.True(_bench.Machine.Access.IsOn);
        Assert.True(_bench.Machine.Access.RightsOf("ann").Allow(
            AccessNeed.OfKey(AccessActions.Read, "orders", "u:1"u8.ToArray())));
        Assert.True(_bench.Apply(AccessCodec.EncodeEnd(MetaRecords.DropRoleCommand, "clerk", 6)));
        Assert.True(_bench.Apply(AccessCodec.EncodeEnd(MetaRecords.DropKeyCommand, Key.Id, 6)));
        Assert.True(_bench.Apply(AccessCodec.EncodeEnforced(isOn: false, 6)));
        CheckReloaded();
        Assert.Equal((false, 0, 1, 0), Counts(_bench.Machine.Access));
    }

    [Fact]
    public void A_join_token_is_kept_until_it_is_used_up()
    {
        Assert.True(_bench.Apply(AccessCodec.Encode(Token, 5)));
        Assert.False(_bench.Apply(AccessCodec.Encode(Token, 5)));
        CheckReloaded();
        Assert.True(_bench.Apply(AccessCodec.EncodeUse(Token.Id, [9], 6)));
        Assert.False(_bench.Apply(AccessCodec.EncodeUse(Token.Id, [8], 6)));
        CheckReloaded();
        Assert.Equal([9], _bench.Machine.Access.JoinTokens[Token.Id].Claimant.ToArray());
        Assert.True(_bench.Apply(AccessCodec.EncodeEnd(MetaRecords.DropTokenCommand, Token.Id, 7)));
        Assert.False(_bench.Apply(AccessCodec.EncodeEnd(MetaRecords.DropTokenCommand, Token.Id, 7)));
        CheckReloaded();
        Assert.Empty(_bench.Machine.Access.JoinTokens);
    }

    [Fact]
    public void Each_change_is_an_event_with_who_asked_and_without_a_secret()
    {
        byte[][] commands =
        [
            AccessCodec.Encode(Clerk, 5), AccessCodec.Encode(Clerk, 5), AccessCodec.Encode(Ann, 5),
            AccessCodec.Encode(Key, 5), AccessCodec.Encode(Ann with { IsDisabled = true, Roles = [] }, 5),
            AccessCodec.EncodeEnforced(isOn: true, 5), AccessCodec.EncodeEnforced(isOn: true, 5),
            AccessCodec.EncodeEnforced(isOn: false, 5),
            AccessCodec.EncodeEnd(MetaRecords.DropKeyCommand, Key.Id, 5), AccessCodec.Encode(Key, 5),
            AccessCodec.EncodeEnd(MetaRecords.DropUserCommand, "ann", 5),
            AccessCodec.EncodeEnd(MetaRecords.DropRoleCommand, "clerk", 5), AccessCodec.Encode(Token, 5),
            AccessCodec.EncodeUse(Token.Id, [9], 6),
            AccessCodec.EncodeEnd(MetaRecords.DropTokenCommand, Token.Id, 7),
        ];
        foreach (var command in commands)
            _bench.Apply(MetaRecords.EncodeAsked("user 'ops', operator via http", command, 5));
        string[] expected =
        [
            "role 'clerk' is made, 2 grants", "role 'clerk' has other rights, 2 grants",
            "user 'ann' is made, with the roles clerk, reader", $"user 'ann' has API key {Key.Id}",
            "user 'ann' has no role now, and is disabled", "rights are enforced",
            "rights are not enforced any more", $"API key {Key.Id} of user 'ann' is revoked",
            $"user 'ann' has API key {Key.Id}", "user 'ann' is dropped, with 1 API key",
            "role 'clerk' is dropped", $"there is join token {Token.Id} for node 'node-2'",
            $"join token {Token.Id} is used by node 'node-2'",
            $"join token {Token.Id} for node 'node-2' is used up",
        ];
        Assert.Equal(expected, _bench.Machine.Events.Select(static one => one.Why));
        Assert.All(_bench.Machine.Events, static one => Assert.Equal(
            (ClusterEventKind.RightsChanged, "user 'ops', operator via http"), (one.Kind, one.By)));
        Assert.Equal(expected, _bench.Reloaded().Events.Select(static one => one.Why));
    }

    [Fact]
    public void With_a_user_go_the_keys()
    {
        _bench.Apply(AccessCodec.Encode(Ann, 5));
        _bench.Apply(AccessCodec.Encode(Key, 5));
        Assert.True(_bench.Apply(AccessCodec.EncodeEnd(MetaRecords.DropUserCommand, "ann", 5)));
        CheckReloaded();
        Assert.Equal((false, 0, 0, 0), Counts(_bench.Machine.Access));
    }

    /// <summary>Whatever is repeated, or comes too late, changes nothing.</summary>
    [Fact]
    public void What_cannot_be_changes_nothing()
    {
        Assert.False(_bench.Apply(AccessCodec.Encode(Key, 5)));
        Assert.False(_bench.Apply(AccessCodec.Encode(new RoleRecord("admin", []), 5)));
        Assert.False(_bench.Apply(AccessCodec.EncodeEnd(MetaRecords.DropUserCommand, "ann", 5)));
        Assert.False(_bench.Apply(AccessCodec.EncodeEnforced(isOn: false, 5)));
        _bench.Apply(AccessCodec.Encode(Ann, 5));
        _bench.Apply(AccessCodec.Encode(Key, 5));
        Assert.False(_bench.Apply(AccessCodec.Encode(Key with { Hash = new byte[] { 1 } }, 5)));
        Assert.Equal(32, _bench.Machine.Access.Keys[Key.Id].Hash.Length);
    }

    /// <summary>A program of the first version must not take users for something else.</summary>
    [Fact]
    public void They_came_with_the_second_version()
    {
        foreach (var command in (byte[][])[AccessCodec.Encode(Ann, 5), AccessCodec.EncodeEnforced(true, 5)])
            Assert.Equal(FormatRange.Quorums, MetaRecords.FormatOfCommand(command[0]));
        Assert.All(
            (byte[])[MetaRecords.Role, MetaRecords.User, MetaRecords.ApiKey, MetaRecords.Enforced,
                MetaRecords.JoinToken],
            static kind => Assert.Equal(FormatRange.Quorums, MetaRecords.FormatOfRecord(kind)));
    }

    [Fact]
    public void Golden_bytes()
    {
        const string time = "0500000000000000";
        Assert.Equal(
            "13" + time + "05000000" + "636c65726b" + "0200" + "06000000" + "6f7264657273" + "02000000"
                + "753a"
            + "01" + "01000000" + "2a" + "00000000" + "10",
            Convert.ToHexStringLower(AccessCodec.Encode(Clerk, 5)));
        Assert.Equal(
            "15" + time + "03000000" + "616e6e" + "00" + "0200" + "05000000" + "636c65726b" + "06000000"
            + "726561646572",
            Convert.ToHexStringLower(AccessCodec.Encode(Ann, 5)));
        Assert.Equal(
            "17" + time + "10000000" + Convert.ToHexStringLower("0123456789abcdef"u8) + "03000000" + "616e6e"
            + "20000000" + new string('0', 64) + time + "0900000000000000",
            Convert.ToHexStringLower(AccessCodec.Encode(Key, 5)));
        Assert.Equal(
            "18" + time + "01000000" + "6b",
            Convert.ToHexStringLower(AccessCodec.EncodeEnd(MetaRecords.DropKeyCommand, "k", 5)));
        Assert.Equal(
            "1a" + time + "10000000" + Convert.ToHexStringLower("0123456789abcdef"u8) + "06000000"
            + Convert.ToHexStringLower("node-2"u8) + "0100000001" + "020000000203" + time
            + "8403000000000000" + "00000000",
            Convert.ToHexStringLower(AccessCodec.Encode(Token, 5)));
        Assert.Equal(
            "1c" + time + "01000000" + "6b" + "0100000009",
            Convert.ToHexStringLower(AccessCodec.EncodeUse("k", [9], 5)));
        Assert.Equal("19" + time + "01", Convert.ToHexStringLower(AccessCodec.EncodeEnforced(true, 5)));
    }

    private static (bool, int, int, int) Counts(AccessTable table) =>
        (table.IsOn, table.Roles.Count, table.Users.Count, table.Keys.Count);

    private void CheckReloaded()
    {
        Assert.Equal(Shown(_bench.Machine.Access), Shown(_bench.Reloaded().Access));

        static string Shown(AccessTable table) => string.Join(
            '\n',
            [
                $"{table.IsOn}",
                .. table.Roles.Values.Select(static one => Convert.ToHexString(AccessCodec.Encode(one, 0))),
                .. table.Users.Values.Select(static one => Convert.ToHexString(AccessCodec.Encode(one, 0))),
                .. table.Keys.Values.Select(static one => Convert.ToHexString(AccessCodec.Encode(one, 0))),
                .. table.JoinTokens.Values.Select(
                    static one => Convert.ToHexString(AccessCodec.Encode(one, 0))),
            ]);
    }
}
