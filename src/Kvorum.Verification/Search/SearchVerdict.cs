namespace Kvorum.Verification.Search;

/// <summary>The result of a search.</summary>
internal enum SearchVerdict : byte
{
    /// <summary>There is an order.</summary>
    Found,

    /// <summary>There is none.</summary>
    None,

    /// <summary>The search was given up: it is not known whether there is one.</summary>
    GivenUp,
}
