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
        RightsChanged(
            $"role '{role.Name}' {(Access.Roles.ContainsKey(role.Name) ? "has other rights" : "is made")}, "
            + Counted(role.Grants.Count, "grant"));
        Access = Access.With(role);
        Put(MetaRecords.Role, key => key.Text32(role.Name), value => AccessCodec.Write(value, role));
        return true;
    }

    private bool DropRole(string name)
    {
        if (!Access.Roles.ContainsKey(name))
            return false;
        RightsChanged($"role '{name}' is dropped");
        Access = Access.WithoutRole(name);
        Remove(MetaRecords.Role, key => key.Text32(name));
        return true;
    }

    private bool SetUser(UserRecord user)
    {
        var roles = user.Roles.Count == 0 ? "no role" : $"the roles {string.Join(", ", user.Roles)}";
        var what = Access.Users.ContainsKey(user.Name) ? $"has {roles} now" : $"is made, with {roles}";
        RightsChanged($"user '{user.Name}' {what}{(user.IsDisabled ? ", and is disabled" : "")}");
        Access = Access.With(user);
        Put(MetaRecords.User, key => key.Text32(user.Name), value => AccessCodec.Write(value, user));
        return true;
    }

    private bool DropUser(string name)
    {
        if (!Access.Users.ContainsKey(name))
            return false;
        ApiKeyRecord[] keys = [.. Access.KeysOf(name)];
        foreach (var key in keys)
            Remove(MetaRecords.ApiKey, into => into.Text32(key.Id));
        RightsChanged($"user '{name}' is dropped, with {Counted(keys.Length, "API key")}");
        Remove(MetaRecords.User, key => key.Text32(name));
        Access = Access.WithoutUser(name);
        return true;
    }

    // A number is one key's for ever: what is repeated changes nothing.
    private bool AddKey(ApiKeyRecord key)
    {
        if (!Access.Users.ContainsKey(key.User) || Access.Keys.ContainsKey(key.Id))
            return false;
        RightsChanged($"user '{key.User}' has API key {key.Id}");
        Access = Access.With(key);
        Put(MetaRecords.ApiKey, into => into.Text32(key.Id), value => AccessCodec.Write(value, key));
        return true;
    }

    private bool DropKey(string id)
    {
        if (Access.Keys.GetValueOrDefault(id) is not { } known)
            return false;
        RightsChanged($"API key {id} of user '{known.User}' is revoked");
        Access = Access.WithoutKey(id);
        Remove(MetaRecords.ApiKey, key => key.Text32(id));
        return true;
    }

    private bool Enforce(bool isOn)
    {
        if (Access.IsOn == isOn)
            return false;
        RightsChanged(isOn ? "rights are enforced" : "rights are not enforced any more");
        Access = Access with { IsOn = isOn };
        Put(MetaRecords.Enforced, static _ => { }, value => value.U8(isOn ? (byte)1 : (byte)0));
        return true;
    }

    // Whoever lost the last key is not to be locked out by a user who has too many.
    private bool RecoverAccess(ref ByteReader from)
    {
        var flags = from.U8();
        var changed = false;
        if ((flags & 1) != 0)
        {
            var (user, key) = (AccessCodec.ReadUser(ref from), AccessCodec.ReadKey(ref from));
            if (Access.Keys.ContainsKey(key.Id))
                return false;
            changed = SetUser(user) && AddKey(key);
        }

        return ((flags & 2) != 0 && Enforce(isOn: false)) || changed;
    }

    // With a new one go those that no node can use any more.
    private bool AddJoinToken(JoinTokenRecord token)
    {
        if (Access.JoinTokens.ContainsKey(token.Id))
            return false;
        foreach (var ended in Access.JoinTokens.Values.Where(one => one.ExpiresMs <= LogTimeMs).ToArray())
            RemoveJoinToken(ended.Id);
        RightsChanged($"there is join token {token.Id} for node '{token.Node}'");
        PutJoinToken(token);
        return true;
    }

    private bool DropJoinToken(string id)
    {
        if (Access.JoinTokens.GetValueOrDefault(id) is not { } token)
            return false;
        RightsChanged(
            $"join token {id} for node '{token.Node}' is {(token.IsUsed ? "used up" : "revoked")}");
        RemoveJoinToken(id);
        return true;
    }

    // The first one has it.
    private bool UseJoinToken(string id, ReadOnlyMemory<byte> claimant)
    {
        if (Access.JoinTokens.GetValueOrDefault(id) is not { IsUsed: false } token
            || token.ExpiresMs <= LogTimeMs)
            return false;
        RightsChanged($"join token {id} is used by node '{token.Node}'");
        PutJoinToken(token with { Claimant = claimant.ToArray() });
        return true;
    }

    private void PutJoinToken(JoinTokenRecord token)
    {
        Access = Access.With(token);
        Put(MetaRecords.JoinToken, key => key.Text32(token.Id), value => AccessCodec.Write(value, token));
    }

    private void RemoveJoinToken(string id)
    {
        Access = Access.WithoutJoinToken(id);
        Remove(MetaRecords.JoinToken, key => key.Text32(id));
    }

    // Numbers are told, and nothing by which a key or a token could be used.
    private void RightsChanged(string why) =>
        Happened(ClusterEventKind.RightsChanged, one => one with { Why = why });

    private static string Counted(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";

    private void LoadAccess(byte kind, ref ByteReader from) => Access = kind switch
    {
        MetaRecords.Role => Access.With(AccessCodec.ReadRole(ref from)),
        MetaRecords.User => Access.With(AccessCodec.ReadUser(ref from)),
        MetaRecords.ApiKey => Access.With(AccessCodec.ReadKey(ref from)),
        MetaRecords.JoinToken => Access.With(AccessCodec.ReadJoinToken(ref from)),
        _ => Access with { IsOn = from.Flag("mark of enforced rights") },
    };
}
