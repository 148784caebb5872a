using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Kvorum.Node.Access;
using Kvorum.Node.State;

namespace Kvorum.Node.Administration;

/// <summary>What is to be done about a change of users, roles or API keys, by the committed state.</summary>
internal static partial class AccessDecider
{
    /// <summary>The decision.</summary>
    public static AdminDecision Decide(AccessChange change, MetaMachine state, ulong nowMs = 0)
    {
        if (state.ActiveFormat < FormatRange.Quorums)
        {
            return Refusal.LacksFormat(
                $"nothing was done: users and roles need format version {FormatRange.Quorums}, and the "
                + $"cluster has {state.ActiveFormat}: start the newer kvorum on all members");
        }

        if (HasNull(change))
            return Refusal.Wrong("a list of the request has an element that is null");
        if (AdminJson.Encode(change).Length is var bytes && bytes > AdminJson.RequestBytesMax)
            return Refusal.Wrong(AdminJson.TooLarge(bytes));
        nowMs = Math.Max(nowMs, state.LogTimeMs);
        return change switch
        {
            SetRole one => Decide(one, state.Access),
            DropRole one => Decide(one, state.Access),
            CreateUser one => Decide(one, state.Access),
            AlterUser one => Decide(one, state.Access),
            DropUser one => Decide(one, state.Access),
            CreateApiKey one => Decide(one, state.Access),
            RevokeApiKey one => Decide(one, state.Access),
            EnforceRights one => Decide(one, state.Access),
            ConfirmAccess one => AccessRecoveryDecider.Decide(one, state, nowMs),
            CreateJoinToken or RevokeJoinToken or UseJoinToken =>
                JoinTokenDecider.Decide(change, state.Access, nowMs),
            _ => throw new ArgumentOutOfRangeException(nameof(change)),
        };
    }

    // JSON has null wherever a text may be, whatever the type of the list says.
    private static bool HasNull(AccessChange change) => change switch
    {
        SetRole one => one.Grants.Any(static grant => grant is null || grant.Actions.Contains(null!)),
        CreateUser one => one.Roles.Contains(null!),
        AlterUser one => one.Grant.Concat(one.Revoke).Contains(null!),
        _ => false,
    };

    private static AdminDecision Decide(SetRole change, AccessTable table)
    {
        if (GivenNames.WhyNot("role", change.Role) is { } why)
            return Refusal.Wrong(why);
        if (AccessTable.BuiltIn.Any(role => role.Name == change.Role))
            return Refusal.Wrong($"role '{change.Role}' is in every cluster as it is: take another name");
        if (change.Grants.Count > Limits.GrantsOfRoleMax)
            return Refusal.Wrong($"a role has at most {Limits.GrantsOfRoleMax} grants");
        if (!table.Roles.ContainsKey(change.Role) && table.Roles.Count >= Limits.RolesMax)
            return Refusal.Impossible($"there are {Limits.RolesMax} roles, which is the most there can be");
        var grants = new List<Grant>();
        foreach (var spec in change.Grants)
        {
            if (WhyNoGrant(spec) is { } problem)
                return Refusal.Wrong(problem);
            grants.Add(new(
                spec.Keyspace, spec.Prefix ?? [], AccessActionNames.ParseOrNull(spec.Actions)!.Value));
        }

        var role = new RoleRecord(change.Role, grants);
        return Propose(
            change, table, table.With(role),
            $"role '{role.Name}' has {(grants.Count == 1 ? "1 grant" : $"{grants.Count} grants")}",
            timeMs => AccessCodec.Encode(role, timeMs),
            now => now.Roles.GetValueOrDefault(role.Name) is { } known
                && AccessCodec.Encode(known, 0).AsSpan().SequenceEqual(AccessCodec.Encode(role, 0)));
    }

    private static AdminDecision Decide(DropRole change, AccessTable table)
    {
        if (!table.Roles.ContainsKey(change.Role))
            return Refusal.Wrong($"no role '{Refusal.Shown(change.Role)}' that could be dropped");
        string[] users = [.. table.Users.Values.Where(user => user.Roles.Contains(change.Role))
            .Select(static user => user.Name).Take(5)];
        if (users.Length > 0 && !change.Force)
        {
            return Refusal.Impossible(
                $"role '{change.Role}' is still had by {string.Join(", ", users)}: take it from them "
                    + "first, or "
                + "ask for it with force");
        }

        return Propose(
            change, table, table.WithoutRole(change.Role), $"role '{change.Role}' is dropped",
            timeMs => AccessCodec.EncodeEnd(MetaRecords.DropRoleCommand, change.Role, timeMs),
            now => !now.Roles.ContainsKey(change.Role));
    }

    private static AdminDecision Decide(CreateUser change, AccessTable table)
    {
        if (GivenNames.WhyNot("user", change.User) is { } why)
            return Refusal.Wrong(why);
        if (table.Users.ContainsKey(change.User))
            return Refusal.Impossible($"there is a user '{change.User}' already: change its roles instead");
        if (table.Users.Count >= Limits.UsersMax)
            return Refusal.Impossible($"there are {Limits.UsersMax} users, which is the most there can be");
        return Set(change, table, new(change.User, [.. change.Roles.Distinct()], IsDisabled: false));
    }

    private static AdminDecision Decide(AlterUser change, AccessTable table)
    {
        if (table.Users.GetValueOrDefault(change.User) is not { } user)
            return UnknownUser(change.User);
        if (change.Revoke.FirstOrDefault(role => !user.Roles.Contains(role)) is { } missing)
            return Refusal.Wrong($"user '{user.Name}' has no role '{Refusal.Shown(missing)}'");
        return Set(change, table, user with
        {
            Roles = [.. user.Roles.Except(change.Revoke).Union(change.Grant)],
            IsDisabled = change.Disabled ?? user.IsDisabled,
        });
    }

    private static AdminDecision Set(AccessChange change, AccessTable table, UserRecord user)
    {
        if (user.Roles.Count > Limits.RolesOfUserMax)
            return Refusal.Wrong($"a user has at most {Limits.RolesOfUserMax} roles");
        if (user.Roles.FirstOrDefault(role => table.RoleNamed(role) is null) is { } unknown)
        {
            var known = AccessTable.BuiltIn.Select(static role => role.Name).Concat(table.Roles.Keys);
            return Refusal.Wrong(
                $"no role '{Refusal.Shown(unknown)}': there is {string.Join(", ", known.Take(20))}");
        }

        var roles = user.Roles.Count == 0 ? "no role" : $"the roles {string.Join(", ", user.Roles)}";
        return Propose(
            change, table, table.With(user),
            $"user '{user.Name}' has {roles}{(user.IsDisabled ? ", and is disabled" : "")}",
            timeMs => AccessCodec.Encode(user, timeMs),
            now => now.Users.GetValueOrDefault(user.Name) is { } known && known.IsDisabled == user.IsDisabled
                && known.Roles.SequenceEqual(user.Roles));
    }

    private static AdminDecision Decide(DropUser change, AccessTable table)
    {
        if (!table.Users.ContainsKey(change.User))
            return UnknownUser(change.User);
        var keys = table.KeysOf(change.User).Count();
        return Propose(
            change, table, table.WithoutUser(change.User),
            $"user '{change.User}' is dropped, with {(keys == 1 ? "1 API key" : $"{keys} API keys")}",
            timeMs => AccessCodec.EncodeEnd(MetaRecords.DropUserCommand, change.User, timeMs),
            now => !now.Users.ContainsKey(change.User));
    }

    private static AdminDecision Decide(CreateApiKey change, AccessTable table)
    {
        if (!table.Users.ContainsKey(change.User))
            return UnknownUser(change.User);
        if (!IsNumber(change.Id))
            return Refusal.Wrong("the number of an API key has 16 digits 0-9 and a-f");
        if (change.ExpiresMs == 0)
            return Refusal.Wrong("expires_ms is 0: leave it out for an API key that does not expire");
        if (change.Hash.Length != SHA256.HashSizeInBytes)
            return Refusal.Wrong($"the hash of an API key has {SHA256.HashSizeInBytes} bytes; this one has "
                + $"{change.Hash.Length}");
        if (table.Keys.GetValueOrDefault(change.Id) is { } known)
        {
            return known.User == change.User && known.Hash.Span.SequenceEqual(change.Hash)
                ? Refusal.Already($"user '{change.User}' has API key {change.Id}")
                : Refusal.Impossible($"there is an API key {change.Id} already");
        }

        if (table.KeysOf(change.User).Count() >= Limits.ApiKeysOfUserMax)
        {
            return Refusal.Impossible(
                $"user '{change.User}' has {Limits.ApiKeysOfUserMax} API keys, which is the most there "
                    + "can be: "
                + "revoke one that is not used any more");
        }

        return new AdminDecision.Propose(
            $"user '{change.User}' has API key {change.Id}",
            timeMs => AccessCodec.Encode(
                new ApiKeyRecord(change.Id, change.User, change.Hash, timeMs, change.ExpiresMs ?? 0), timeMs),
            now => now.Access.Keys.ContainsKey(change.Id));
    }

    private static AdminDecision Decide(RevokeApiKey change, AccessTable table)
    {
        if (table.Keys.GetValueOrDefault(change.Id) is not { } key)
            return Refusal.Wrong($"no API key '{Refusal.Shown(change.Id)}': kvorum user list shows those "
                + "there are");
        return new AdminDecision.Propose(
            $"API key {key.Id} of user '{key.User}' is revoked",
            timeMs => AccessCodec.EncodeEnd(MetaRecords.DropKeyCommand, key.Id, timeMs),
            now => !now.Access.Keys.ContainsKey(key.Id));
    }

    private static AdminDecision Decide(EnforceRights change, AccessTable table)
    {
        var words = change.On ? "rights are enforced" : "rights are not enforced";
        return table.IsOn == change.On ? Refusal.Already($"{words}; that was so before") : Propose(
            change, table, table with { IsOn = change.On }, words,
            timeMs => AccessCodec.EncodeEnforced(change.On, timeMs), now => now.IsOn == change.On);
    }

    private static AdminDecision Propose(
        AccessChange change, AccessTable before, AccessTable after, string done, Func<ulong, byte[]> command,
        Func<AccessTable, bool> isDone)
    {
        if (after is { IsOn: true, HasAdministrator: false }
            && before is not { IsOn: true, HasAdministrator: false }
            && !change.Force)
        {
            return Refusal.Impossible(
                "nothing was changed: nobody could change users and roles afterwards. Make a user with "
                    + "the role "
                + $"{AccessTable.AdminRole} first, or ask for it with force");
        }

        return new AdminDecision.Propose(done, command, now => isDone(now.Access));
    }

    /// <summary>True for the number of an API key or of a join token.</summary>
    public static bool IsNumber(string text) => KeyId().IsMatch(text);

    private static AdminDecision.Answer UnknownUser(string name) =>
        Refusal.Wrong($"no user '{Refusal.Shown(name)}': kvorum user list shows those there are");

    private static string? WhyNoGrant(GrantSpec spec)
    {
        if (spec.Keyspace != AccessNeed.AllKeyspaces && !GivenNames.IsName(spec.Keyspace))
            return $"'{Refusal.Shown(spec.Keyspace)}' is no keyspace: give its name, or * for every one";
        if (spec.Prefix is { Length: > Protocol.Limits.KeyBytesMax })
            return $"a prefix has at most {Protocol.Limits.KeyBytesMax} bytes; this one has "
                + $"{spec.Prefix.Length}";
        return AccessActionNames.ParseOrNull(spec.Actions) is not (null or AccessActions.None) ? null
            : $"'{Refusal.Shown(string.Join(',', spec.Actions))}' are no actions: give one or more of "
                + string.Join(", ", AccessActionNames.Names);
    }

    [GeneratedRegex(@"^[0-9a-f]{16}\z")]
    private static partial Regex KeyId();
}
