namespace Kvorum.Node;

/// <summary>The node cannot start; the message names the value at fault and the remedy.</summary>
public sealed class NodeStartException(string message) : Exception(message);
