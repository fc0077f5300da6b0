// The C interface of libtorch: a small, explicit list of functions; no other target includes ATen.
#ifndef CTORCH_H
#define CTORCH_H
#include "CTAutograd.h"
#include "CTCheckpoint.h"
#include "CTMemory.h"
#include "CTNetworks.h"
#include "CTOperations.h"
#include "CTOptimizers.h"
#include "CTProcesses.h"
#include "CTRandom.h"
#include "CTScript.h"
#include "CTTensor.h"
#endif
