using Kvorum.Node.Access;
using Kvorum.Node.Wire;
using Kvorum.Protocol;

namespace Kvorum.Node.State;

/// <summary>Users, roles, API keys, and whether rights are enforced.</summary>
internal sealed partial class MetaMachine
{
    /// <summary>Who may do what.</summary>
    public AccessTable Access { get; private set; } = AccessTable.Empty;

    private bool SetRole(RoleRecord role)
    {
        if (AccessTable.BuiltIn.Any(known => known.Name == role.Name))
            return false;
        Access = Access.With(role);
        Put(MetaRecords.Role, key => key.Text32(role.Name), value => AccessCodec.Write(value, role));
        return true;
    }

    private bool DropRole(string name)
    {
        if (!Access.Roles.ContainsKey(name))
            return false;
        Access = Access.WithoutRole(name);
        Remove(MetaRecords.Role, key => key.Text32(name));
        return true;
    }

    private bool SetUser(UserRecord user)
    {
        Access = Access.With(user);
        Put(MetaRecords.User, key => key.Text32(user.Name), value => AccessCodec.Write(value, user));
        return true;
    }

    private bool DropUser(string name)
    {
        if (!Access.Users.ContainsKey(name))
            return false;
        foreach (var key in Access.KeysOf(name))
            Remove(MetaRecords.ApiKey, into => into.Text32(key.Id));
        Remove(MetaRecords.User, key => key.Text32(name));
        Access = Access.WithoutUser(name);
        return true;
    }

    // A number is one key's for ever: what is repeated changes nothing.
    private bool AddKey(ApiKeyRecord key)
    {
        if (!Access.Users.ContainsKey(key.User) || Access.Keys.ContainsKey(key.Id))
            return false;
        Access = Access.With(key);
        Put(MetaRecords.ApiKey, into => into.Text32(key.Id), value => AccessCodec.Write(value, key));
        return true;
    }

    private bool DropKey(string id)
    {
        if (!Access.Keys.ContainsKey(id))
            return false;
        Access = Access.WithoutKey(id);
        Remove(MetaRecords.ApiKey, key => key.Text32(id));
        return true;
    }

    private bool Enforce(bool isOn)
    {
        if (Access.IsOn == isOn)
            return false;
        Access = Access with { IsOn = isOn };
        Put(MetaRecords.Enforced, static _ => { }, value => value.U8(isOn ? (byte)1 : (byte)0));
        return true;
    }

    // With a new one go those that no node can use any more.
    private bool AddJoinToken(JoinTokenRecord token)
    {
        if (Access.JoinTokens.ContainsKey(token.Id))
            return false;
        foreach (var ended in Access.JoinTokens.Values.Where(one => one.ExpiresMs <= LogTimeMs).ToArray())
            DropJoinToken(ended.Id);
        PutJoinToken(token);
        return true;
    }

    private bool DropJoinToken(string id)
    {
        if (!Access.JoinTokens.ContainsKey(id))
            return false;
        Access = Access.WithoutJoinToken(id);
        Remove(MetaRecords.JoinToken, key => key.Text32(id));
        return true;
    }

    // The first one has it.
    private bool UseJoinToken(string id, ReadOnlyMemory<byte> claimant)
    {
        if (Access.JoinTokens.GetValueOrDefault(id) is not { IsUsed: false } token
            || token.ExpiresMs <= LogTimeMs)
            return false;
        PutJoinToken(token with { Claimant = claimant.ToArray() });
        return true;
    }

    private void PutJoinToken(JoinTokenRecord token)
    {
        Access = Access.With(token);
        Put(MetaRecords.JoinToken, key => key.Text32(token.Id), value => AccessCodec.Write(value, token));
    }

    private void LoadAccess(byte kind, ref ByteReader from) => Access = kind switch
    {
        MetaRecords.Role => Access.With(AccessCodec.ReadRole(ref from)),
        MetaRecords.User => Access.With(AccessCodec.ReadUser(ref from)),
        MetaRecords.ApiKey => Access.With(AccessCodec.ReadKey(ref from)),
        MetaRecords.JoinToken => Access.With(AccessCodec.ReadJoinToken(ref from)),
        _ => Access with { IsOn = from.Flag("mark of enforced rights") },
    };
}
