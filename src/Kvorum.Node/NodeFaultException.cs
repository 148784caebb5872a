namespace Kvorum.Node;

/// <summary>
/// A fault that ends the node: going on could give a wrong answer. The message names what and what to do.
/// </summary>
public sealed class NodeFaultException(string message, Exception? cause = null) : Exception(message, cause);
