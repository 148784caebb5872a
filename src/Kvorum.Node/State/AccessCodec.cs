using Kvorum.Node.Access;
using Kvorum.Node.Wire;
using Kvorum.Protocol;

namespace Kvorum.Node.State;

/// <summary>
/// Users, roles and API keys in the commands and the tree of the metadata group, see
/// <see cref="MetaRecords"/>.
/// </summary>
internal static class AccessCodec
{
    public static byte[] Encode(RoleRecord role, ulong timeMs)
    {
        var writer = MetaRecords.Begin(MetaRecords.RoleCommand, timeMs);
        Write(writer, role);
        return writer.ToArray();
    }

    public static byte[] Encode(UserRecord user, ulong timeMs)
    {
        var writer = MetaRecords.Begin(MetaRecords.UserCommand, timeMs);
        Write(writer, user);
        return writer.ToArray();
    }

    public static byte[] Encode(ApiKeyRecord key, ulong timeMs)
    {
        var writer = MetaRecords.Begin(MetaRecords.ApiKeyCommand, timeMs);
        Write(writer, key);
        return writer.ToArray();
    }

    public static byte[] Encode(JoinTokenRecord token, ulong timeMs)
    {
        var writer = MetaRecords.Begin(MetaRecords.JoinTokenCommand, timeMs);
        Write(writer, token);
        return writer.ToArray();
    }

    /// <summary>A node has shown a join token.</summary>
    public static byte[] EncodeUse(string id, ReadOnlySpan<byte> claimant, ulong timeMs)
    {
        var writer = MetaRecords.Begin(MetaRecords.UseTokenCommand, timeMs);
        writer.Text32(id);
        writer.Bytes32(claimant);
        return writer.ToArray();
    }

    /// <summary>The end of a role, a user, an API key or a join token, by its name or number.</summary>
    public static byte[] EncodeEnd(byte command, string name, ulong timeMs)
    {
        var writer = MetaRecords.Begin(command, timeMs);
        writer.Text32(name);
        return writer.ToArray();
    }

    /// <summary>A new administrator, or an end of rights, or both: flags are 1 for a user, 2 for the end.
    /// </summary>
    public static byte[] EncodeRecovery(UserRecord? user, ApiKeyRecord? key, bool isEnd, ulong timeMs)
    {
        var writer = MetaRecords.Begin(MetaRecords.RecoverAccessCommand, timeMs);
        writer.U8((byte)((user is null ? 0 : 1) | (isEnd ? 2 : 0)));
        if (user is not null)
            Write(writer, user);
        if (key is not null)
            Write(writer, key);
        return writer.ToArray();
    }

    public static byte[] EncodeEnforced(bool isOn, ulong timeMs)
    {
        var writer = MetaRecords.Begin(MetaRecords.EnforceCommand, timeMs);
        writer.U8(isOn ? (byte)1 : (byte)0);
        return writer.ToArray();
    }

    public static void Write(ByteWriter into, RoleRecord role)
    {
        into.Text32(role.Name);
        into.U16((ushort)role.Grants.Count);
        foreach (var grant in role.Grants)
        {
            into.Text32(grant.Keyspace);
            into.Bytes32(grant.Prefix.Span);
            into.U8((byte)grant.Actions);
        }
    }

    public static RoleRecord ReadRole(ref ByteReader from)
    {
        var name = from.Text32();
        var grants = new Grant[from.Count16("grants", bytesEach: 9)];
        for (var i = 0; i < grants.Length; i++)
        {
            var (keyspace, prefix, actions) = (from.Text32(), from.Bytes32(), (AccessActions)from.U8());
            if ((actions & ~AccessActionNames.All) != 0)
                throw new FormatException($"a grant of actions {actions}: written by a newer version?");
            grants[i] = new(keyspace, prefix.ToArray(), actions);
        }

        return new(name, grants);
    }

    public static void Write(ByteWriter into, UserRecord user)
    {
        into.Text32(user.Name);
        into.U8(user.IsDisabled ? (byte)1 : (byte)0);
        into.U16((ushort)user.Roles.Count);
        foreach (var role in user.Roles)
            into.Text32(role);
    }

    public static UserRecord ReadUser(ref ByteReader from)
    {
        var (name, isDisabled) = (from.Text32(), from.Flag("mark of a disabled user"));
        var roles = new string[from.Count16("roles", bytesEach: 4)];
        for (var i = 0; i < roles.Length; i++)
            roles[i] = from.Text32();
        return new(name, roles, isDisabled);
    }

    public static void Write(ByteWriter into, ApiKeyRecord key)
    {
        into.Text32(key.Id);
        into.Text32(key.User);
        into.Bytes32(key.Hash.Span);
        into.U64(key.CreatedMs);
        into.U64(key.ExpiresMs);
    }

    public static ApiKeyRecord ReadKey(ref ByteReader from) =>
        new(from.Text32(), from.Text32(), from.Bytes32().ToArray(), from.U64(), from.U64());

    public static void Write(ByteWriter into, JoinTokenRecord token)
    {
        into.Text32(token.Id);
        into.Text32(token.Node);
        into.Bytes32(token.ProofHash.Span);
        into.Bytes32(token.Sealed.Span);
        into.U64(token.CreatedMs);
        into.U64(token.ExpiresMs);
        into.Bytes32(token.Claimant.Span);
    }

    public static JoinTokenRecord ReadJoinToken(ref ByteReader from) =>
        new(from.Text32(), from.Text32(), from.Bytes32().ToArray(), from.Bytes32().ToArray(), from.U64(),
            from.U64())
        {
            Claimant = from.Bytes32().ToArray(),
        };
}
