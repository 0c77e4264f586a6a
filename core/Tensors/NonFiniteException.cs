namespace Hybrid.Tensors;

/// <summary>A number of a training run is NaN or infinite. The message names the step and the first tensor that is.</summary>
public sealed class NonFiniteException(string message) : ArithmeticException(message);
